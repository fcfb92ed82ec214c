import KernelContract

// BLIS's words: MR × NR register tile, KC × NC cache blocks, micro-kernel, micro-panel, macro-kernel.
#if AVX512
    /// NR. 12 × 2 accumulators, 2 vectors of B, one broadcast: 27 of 32 registers.
    private let panelColumns = 32
#else
    /// NR. AVX2: 6 × 2 accumulators, 2 registers of B, one broadcast: 15 of 16. NEON: 6 × 4 + 4 + 1: 29 of 32.
    private let panelColumns = 16
#endif

/// KC of a packed micro-panel: 512 × 32 floats, 64 KiB of the workspace.
private let packedDepth = 512
/// Rows of C that pass through a padded copy at a time where fewer than 16 columns are left.
private let edgeRows = 1_024

/// One micro-kernel call. Element (r, k) of A is `a[r * aRow + k * aStep]`; row k of B begins at `b[k * bStep]`.
private struct MicroKernel {
    var a: UnsafePointer<Float>
    var aRow: Int
    var aStep: Int
    var b: UnsafePointer<Float>
    var bStep: Int
    var c: UnsafeMutablePointer<Float>
    var cStride: Int
    var depth: Int
    /// Whether the chains go on from C, and whether they end here (`+ 0.0`).
    var continues: Bool
    var ends: Bool

    @inline(__always)
    func run<Tile: RegisterTile>(_: Tile.Type) {
        var tile = continues ? Tile(loading: UnsafePointer(c), stride: cStride) : Tile()
        var a = a
        var b = b
        for _ in 0..<depth {
            tile.step(a, aRow, b)
            a += aStep
            b += bStep
        }
        if ends { tile.finish() }
        tile.store(c, stride: cStride)
    }

    #if AVX512
        @inline(never) func run12x32() { run(Wide<Rows12>.self) }
        @inline(never) func run8x32() { run(Wide<Rows8>.self) }
        @inline(never) func run4x32() { run(Wide<Rows4>.self) }
        @inline(never) func run2x32() { run(Wide<Rows2>.self) }
        @inline(never) func run1x32() { run(Wide<Rows1>.self) }
        @inline(never) func run12x16() { run(Narrow<Rows12>.self) }
        @inline(never) func run8x16() { run(Narrow<Rows8>.self) }
    #else
        @inline(never) func run6x16() { run(Narrow<Rows6>.self) }
    #endif
    @inline(never) func run4x16() { run(Narrow<Rows4>.self) }
    @inline(never) func run2x16() { run(Narrow<Rows2>.self) }
    @inline(never) func run1x16() { run(Narrow<Rows1>.self) }

    /// Runs the highest tile that fits `rowCount` rows and leaves no poor remainder; returns its height.
    func runHighest(rowCount: Int, columns: Int) -> Int {
        #if AVX512
            if columns == 32 {
                switch rowCount {
                case 12...15, 17...: run12x32(); return 12
                case 8...: run8x32(); return 8
                case 4...: run4x32(); return 4
                case 2...: run2x32(); return 2
                default: run1x32(); return 1
                }
            }
            switch rowCount {
            case 12...15, 17...: run12x16(); return 12
            case 8...: run8x16(); return 8
            case 4...: run4x16(); return 4
            case 2...: run2x16(); return 2
            default: run1x16(); return 1
            }
        #else
            switch rowCount {
            case 6, 7, 9...: run6x16(); return 6
            case 4...: run4x16(); return 4
            case 2...: run2x16(); return 2
            default: run1x16(); return 1
            }
        #endif
    }

    /// Tiles down `rowCount` rows.
    func runColumn(rowCount: Int, columns: Int) {
        var micro = self
        var row = 0
        while row < rowCount {
            let height = micro.runHighest(rowCount: rowCount - row, columns: columns)
            row += height
            micro.a += height * aRow
            micro.c += height * cStride
        }
    }
}

/// Copies `depth` rows × `columns` of B beside each other, zeros up to `width`. Transposed: B's rows are C's columns.
private func pack(
    _ b: UnsafePointer<Float>, stride: Int, transposed: Bool, depth: Int, columns: Int, width: Int,
    to panel: UnsafeMutablePointer<Float>
) {
    if transposed {
        for j in 0..<width {
            for k in 0..<depth { panel[k * width + j] = j < columns ? b[j * stride + k] : 0 }
        }
    } else {
        for k in 0..<depth {
            for j in 0..<width { panel[k * width + j] = j < columns ? b[k * stride + j] : 0 }
        }
    }
}

extension VariantKernels {
    @inline(never)
    package func multiply(_ product: MatrixProduct, workspace: UnsafeMutablePointer<Float>) {
        guard product.m > 0, product.n > 0 else { return }
        let isTransposedA = product.form == .tn
        let isTransposedB = product.form == .nt
        let edge = workspace + packedDepth * panelColumns
        var micro = MicroKernel(
            a: product.a, aRow: isTransposedA ? 1 : product.aStride, aStep: isTransposedA ? product.aStride : 1,
            b: product.b, bStep: product.bStride, c: product.c, cStride: product.cStride, depth: product.k,
            continues: product.accumulates, ends: true)
        var column = 0
        while column < product.n {
            let rest = product.n - column
            let width = rest >= panelColumns ? panelColumns : 16
            let columns = min(rest, width)
            let b = isTransposedB ? product.b + column * product.bStride : product.b + column
            let c = product.c + column
            if !isTransposedB && columns == width {
                micro.b = b
                micro.c = c
                micro.runColumn(rowCount: product.m, columns: width)
            } else {
                var depth = 0
                repeat {
                    let count = min(packedDepth, product.k - depth)
                    pack(
                        b + (isTransposedB ? depth : depth * product.bStride), stride: product.bStride,
                        transposed: isTransposedB, depth: count, columns: columns, width: width, to: workspace)
                    var block = micro
                    block.a = product.a + depth * micro.aStep
                    block.b = UnsafePointer(workspace)
                    block.bStep = width
                    block.c = c
                    block.depth = count
                    block.continues = product.accumulates || depth > 0
                    depth += count
                    block.ends = depth == product.k
                    if columns == width {
                        block.runColumn(rowCount: product.m, columns: width)
                    } else {
                        block.runEdge(rowCount: product.m, columns: columns, edge: edge)
                    }
                } while depth < product.k
            }
            column += columns
        }
    }
}

extension MicroKernel {
    /// Fewer than 16 columns: C passes through rows of 16 in `edge`.
    fileprivate func runEdge(rowCount: Int, columns: Int, edge: UnsafeMutablePointer<Float>) {
        for row in stride(from: 0, to: rowCount, by: edgeRows) {
            let count = min(edgeRows, rowCount - row)
            let target = c + row * cStride
            if continues {
                for r in 0..<count {
                    for j in 0..<16 { edge[r * 16 + j] = j < columns ? target[r * cStride + j] : 0 }
                }
            }
            var micro = self
            micro.a = a + row * aRow
            micro.c = edge
            micro.cStride = 16
            micro.runColumn(rowCount: count, columns: 16)
            for r in 0..<count {
                for j in 0..<columns { target[r * cStride + j] = edge[r * 16 + j] }
            }
        }
    }
}
