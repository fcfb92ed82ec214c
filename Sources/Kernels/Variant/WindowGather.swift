import KernelContract

/// Copies windows of images beside each other, one row of a matrix each (partial im2col), zeros where a window reaches
/// beyond its image. A window's tap rows are contiguous in images with channels last.
///
/// Copies go in vectors of 16 floats that may write beyond their piece: the pieces are written in ascending order, so
/// the next one mends it, and the destination has 16 floats behind its last window. Nothing is read beyond the images.
struct WindowGather {
    /// `[samples, height, width, channels]`
    let source: UnsafePointer<Float>
    let sourceCount: Int
    let height: Int
    let width: Int
    let channels: Int
    /// The grid of windows of one sample; window (i, j) begins at row `i · step + firstRow`, column
    /// `j · step + firstColumn`.
    let gridHeight: Int
    let gridWidth: Int
    let step: Int
    let firstRow: Int
    let firstColumn: Int
    let tapRows: Int
    let tapColumns: Int

    @inline(__always)
    private var rowCount: Int { tapColumns * channels }
    var windowCount: Int { tapRows * tapColumns * channels }

    /// Whether the windows lie in the images one after the other as they are: nothing needs to be gathered.
    var isIdentity: Bool {
        tapRows == 1 && tapColumns == 1 && step == 1 && firstRow == 0 && firstColumn == 0 && gridHeight == height
            && gridWidth == width
    }

    /// The windows at `positions`, counted through the grids of all samples.
    func gather(_ positions: Range<Int>, to windows: UnsafeMutablePointer<Float>) {
        var target = windows
        var position = positions.lowerBound
        while position < positions.upperBound {
            let line = position / gridWidth
            let j = position - line * gridWidth
            let count = min(gridWidth - j, positions.upperBound - position)
            gatherLine(sample: line / gridHeight, i: line % gridHeight, columns: j..<j + count, to: &target)
            position += count
        }
    }

    /// Windows of one row of the grid.
    @inline(__always)
    private func gatherLine(sample: Int, i: Int, columns: Range<Int>, to target: inout UnsafeMutablePointer<Float>) {
        let row = i * step + firstRow
        let image = sample * height * width * channels
        // Columns j with 0 ≤ j · step + firstColumn ≤ width − tapColumns: no tap is outside.
        let isInside = row >= 0 && row + tapRows <= height
        let insideBegin = firstColumn >= 0 ? 0 : (step - 1 - firstColumn) / step
        let room = width - tapColumns - firstColumn
        let insideEnd = isInside && room >= 0 ? room / step + 1 : 0
        let lastVectorEnd =
            image + ((row + tapRows - 1) * width + (columns.upperBound - 1) * step + firstColumn) * channels
            + (rowCount + 15) / 16 * 16
        let isFast = lastVectorEnd <= sourceCount
        var j = columns.lowerBound
        while j < columns.upperBound {
            if isFast && j >= insideBegin && j < insideEnd {
                let end = min(insideEnd, columns.upperBound)
                let first = source + image + (row * width + j * step + firstColumn) * channels
                copyInside(first, count: end - j, to: target)
                target += (end - j) * windowCount
                j = end
            } else {
                copyClipped(image: image, row: row, column: j * step + firstColumn, to: target)
                target += windowCount
                j += 1
            }
        }
    }

    /// `count` windows that lie inside, where full vectors may be read.
    @inline(__always)
    private func copyInside(_ first: UnsafePointer<Float>, count: Int, to target: UnsafeMutablePointer<Float>) {
        let lineStride = width * channels
        let rowCount = rowCount
        var from = first
        var target = target
        if rowCount <= 16 {
            for _ in 0..<count {
                var line = from
                for _ in 0..<tapRows {
                    store(load(line), target)
                    line += lineStride
                    target += rowCount
                }
                from += step * channels
            }
        } else {
            for _ in 0..<count {
                var line = from
                for _ in 0..<tapRows {
                    var i = 0
                    while i < rowCount {
                        store(load(line + i), target + i)
                        i += 16
                    }
                    line += lineStride
                    target += rowCount
                }
                from += step * channels
            }
        }
    }

    /// Any window, tap row by tap row: zeros, what lies in the image, zeros.
    private func copyClipped(image: Int, row: Int, column: Int, to target: UnsafeMutablePointer<Float>) {
        let left = min(max(-column, 0), tapColumns)
        let right = min(max(column + tapColumns - width, 0), tapColumns - left)
        for r in 0..<tapRows {
            let piece = target + r * rowCount
            let line = row + r
            guard line >= 0 && line < height else {
                clear(piece, count: rowCount)
                continue
            }
            clear(piece, count: left * channels)
            let offset = image + (line * width + column + left) * channels
            let count = (tapColumns - left - right) * channels
            copy(offset, count: count, to: piece + left * channels)
            clear(piece + left * channels + count, count: right * channels)
        }
    }

    private func clear(_ target: UnsafeMutablePointer<Float>, count: Int) {
        var i = 0
        while i < count {
            target[i] = 0
            i += 1
        }
    }

    private func copy(_ offset: Int, count: Int, to target: UnsafeMutablePointer<Float>) {
        let from = source + offset
        var i = 0
        while i + 16 <= count {
            store(load(from + i), target + i)
            i += 16
        }
        while i < count {
            target[i] = from[i]
            i += 1
        }
    }
}
