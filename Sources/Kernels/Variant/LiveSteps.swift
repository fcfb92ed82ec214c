import CMachine
import KernelContract

/// Floats of a workspace behind what a product in place needs.
private let floatLimit = 69_632
/// Fewer columns do not pay for copying A.
private let columnLimit = 192

/// Which steps of a product's chains each row of tiles takes: those where an element of A is not 0 in one of the tile's rows. A
/// rectifier leaves some features 0 in nearly all samples. What is left of A is copied, tile by tile.
struct LiveSteps {
    /// A row of tiles.
    struct Tile {
        let count: Int
        /// How far each step is from the one before, the first from 0.
        let gaps: UnsafePointer<Int32>
        /// `[step, row]`
        let a: UnsafePointer<Float>
    }

    /// Above this share of steps that are left, leaving the others out does not pay.
    static let shareLimit = 0.94

    private let depth: Int
    /// By row of tiles, the number of its steps and `Tile.gaps`.
    private let entries: UnsafeMutablePointer<Int32>
    /// `[row of tiles, step, row]`
    private let a: UnsafeMutablePointer<Float>

    /// Nil where the product is too small, or there is no room. `memory` is behind what the product needs of the workspace.
    init?(_ product: MatrixProduct, memory: UnsafeMutablePointer<Float>) {
        depth = product.k
        let entryCount = (product.m / tileRows + 4) * (depth + 1)
        guard product.form != .tn, product.n >= columnLimit, entryCount + product.m * depth <= floatLimit else {
            return nil
        }
        entries = UnsafeMutableRawPointer(memory).assumingMemoryBound(to: Int32.self)
        a = memory + entryCount
        var (row, tile) = (0, 0)
        while row < product.m {
            let height = MicroKernel.tileHeight(rowCount: product.m - row)
            list(product, rows: row..<row + height, tile: tile)
            pack(product, rows: row..<row + height, tile: tile)
            row += height
            tile += 1
        }
    }

    /// Row of tiles number `tile`, which begins at row `row` of A.
    func tile(_ tile: Int, row: Int) -> Tile {
        let entries = entries + tile * (depth + 1)
        return Tile(count: Int(entries.pointee), gaps: UnsafePointer(entries + 1), a: UnsafePointer(a + row * depth))
    }

    private func list(_ product: MatrixProduct, rows: Range<Int>, tile: Int) {
        let entries = entries + tile * (depth + 1)
        var (count, last, k) = (0, 0, 0)
        while k < depth {
            let width = min(16, depth - k)
            var lanes: UInt16 = 0
            for row in rows {
                let a = product.a + (row * product.aStride + k)
                if width == 16 {
                    lanes |= lockstep_nonzero_lanes(load(a))
                } else {
                    for lane in 0..<width where a[lane] != 0 { lanes |= 1 << UInt16(lane) }
                }
            }
            while lanes != 0 {
                let step = k + lanes.trailingZeroBitCount
                lanes &= lanes &- 1
                count += 1
                entries[count] = Int32(truncatingIfNeeded: step - last)
                last = step
            }
            k += width
        }
        entries[0] = Int32(truncatingIfNeeded: count)
    }

    private func pack(_ product: MatrixProduct, rows: Range<Int>, tile number: Int) {
        let tile = tile(number, row: rows.lowerBound)
        var source = product.a + rows.lowerBound * product.aStride
        var target = a + rows.lowerBound * depth
        for step in 0..<tile.count {
            source += Int(tile.gaps[step])
            for row in 0..<rows.count { target[row] = source[row * product.aStride] }
            target += rows.count
        }
    }
}
