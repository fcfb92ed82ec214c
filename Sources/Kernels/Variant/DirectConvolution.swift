import KernelContract

/// A convolution without gathered windows: neighbouring positions of a row are the rows of a register tile, whose windows
/// lie `positionStride` apart in the image. The chain runs along each of the window's rows, which are contiguous.
struct DirectConvolution {
    let grid: WindowGrid
    /// `[window, outputChannels]`
    let weight: UnsafePointer<Float>
    /// A multiple of 16.
    let outputChannels: Int
    /// Floats between the outputs of neighbouring windows, along a row of the grid and between its rows.
    let outputStride: Int
    let outputLineStride: Int

    /// One image, whose first window begins at `x`.
    func run(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        var channel = 0
        while channel < outputChannels {
            let columns = outputChannels - channel >= panelColumns ? panelColumns : 16
            for i in 0..<grid.height {
                let rows = grid.kernelRows(i)
                let source = x + i * grid.gridLineStride + rows.lowerBound * grid.lineStride
                let weight = weight + rows.lowerBound * grid.rowCount * outputChannels + channel
                let target = y + i * outputLineStride + channel
                var j = 0
                while j < grid.width {
                    let height = balancedTile(grid.width - j)
                    let tile = WindowTile(
                        source: source + j * grid.positionStride, positionStride: grid.positionStride,
                        lineStride: grid.lineStride, kernelHeight: rows.count, rowCount: grid.rowCount, weight: weight,
                        target: target + j * outputStride, outputChannels: outputChannels, outputStride: outputStride)
                    withTile(height: height, columns: columns, tile)
                    j += height
                }
            }
            channel += columns
        }
    }
}

private struct WindowTile: TileWork {
    let source: UnsafePointer<Float>
    let positionStride: Int
    let lineStride: Int
    let kernelHeight: Int
    let rowCount: Int
    let weight: UnsafePointer<Float>
    let target: UnsafeMutablePointer<Float>
    let outputChannels: Int
    let outputStride: Int

    @inline(never)
    func run<Tile: RegisterTile>(_: Tile.Type) {
        var tile = Tile()
        var line = source
        var b = weight
        for _ in 0..<kernelHeight {
            var a = line
            for _ in 0..<rowCount {
                tile.step(a, positionStride, b)
                a += 1
                b += outputChannels
            }
            line += lineStride
        }
        tile.finish()
        tile.store(target, stride: outputStride)
    }
}
