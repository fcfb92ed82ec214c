import KernelContract

/// The weight gradient without gathered windows: neighbouring elements of a window's row are the rows of a register
/// tile, which goes over the positions of the images.
struct DirectWeightGradient {
    let grid: WindowGrid
    /// A multiple of 16.
    let outputChannels: Int

    /// The chains over `imageCount` images that follow each other, from 0 or on from `sum`. What of the image a tile
    /// reads stays in L1 for all rows of the kernel.
    func run(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, imageCount: Int, accumulates: Bool,
        to sum: UnsafeMutablePointer<Float>
    ) {
        var channel = 0
        while channel < outputChannels {
            let columns = outputChannels - channel >= panelColumns ? panelColumns : 16
            var first = 0
            while first < grid.rowCount {
                let height = balancedTile(grid.rowCount - first)
                for row in 0..<grid.kernelHeight {
                    let gridRows = grid.gridRows(row)
                    let tile = GradientTile(
                        x: x + gridRows.lowerBound * grid.gridLineStride + row * grid.lineStride + first,
                        dy: dy + gridRows.lowerBound * grid.width * outputChannels + channel, grid: grid,
                        gridRowCount: gridRows.count, imageCount: imageCount,
                        outputChannels: outputChannels, accumulates: accumulates,
                        sum: sum + (row * grid.rowCount + first) * outputChannels + channel)
                    withTile(height: height, columns: columns, tile)
                }
                first += height
            }
            channel += columns
        }
    }
}

private struct GradientTile: TileWork {
    let x: UnsafePointer<Float>
    let dy: UnsafePointer<Float>
    let grid: WindowGrid
    let gridRowCount: Int
    let imageCount: Int
    let outputChannels: Int
    let accumulates: Bool
    let sum: UnsafeMutablePointer<Float>

    @inline(never)
    func run<Tile: RegisterTile>(_: Tile.Type) {
        var tile = accumulates ? Tile(loading: UnsafePointer(sum), stride: outputChannels) : Tile()
        for image in 0..<imageCount {
            var line = x + image * grid.imageCount
            var b = dy + image * grid.height * grid.width * outputChannels
            for _ in 0..<gridRowCount {
                var a = line
                for _ in 0..<grid.width {
                    tile.step(a, 1, b)
                    a += grid.positionStride
                    b += outputChannels
                }
                line += grid.gridLineStride
            }
        }
        tile.finish()
        tile.store(sum, stride: outputChannels)
    }
}
