import Randomness

extension Augmentation {
    /// The definition, one pixel after the other. `Augmenter` gives the same bytes.
    package func reference(
        _ source: [UInt8], height: Int, width: Int, channels: Int, seed: UInt64, epoch: UInt64, sample: UInt64
    ) -> [UInt8] {
        let random = Self.stream(seed: seed, epoch: epoch, sample: sample)
        let draw = draw(random, height: height, width: width)
        let factor = Self.noiseFactor(noise)
        var result: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let moved = displacement(random, y, x, width)
                let sourceX = Int(draw.matrix.xx) * x + Int(draw.matrix.xy) * y + Int(draw.offset.x) + moved.x
                let sourceY = Int(draw.matrix.yx) * x + Int(draw.matrix.yy) * y + Int(draw.offset.y) + moved.y
                for channel in 0..<channels {
                    func pixel(_ row: Int, _ column: Int) -> Int {
                        guard (0..<height).contains(row), (0..<width).contains(column) else { return 0 }
                        return Int(source[(row * width + column) * channels + channel])
                    }
                    let (row, column) = (sourceY >> 16, sourceX >> 16)
                    // Fractions in 1/256.
                    let (down, right) = (sourceY >> 8 & 255, sourceX >> 8 & 255)
                    let upper = pixel(row, column) * (256 - right) + pixel(row, column + 1) * right
                    let lower = pixel(row + 1, column) * (256 - right) + pixel(row + 1, column + 1) * right
                    var byte = UInt8((upper * (256 - down) + lower * down + 1 << 15) >> 16)
                    if draw.erased.rows.contains(y) && draw.erased.columns.contains(x) { byte = 0 }
                    if noise > 0 {
                        let index = (y * width + x) * channels + channel
                        byte = Self.noisy(byte, random.word(at: Self.noisePosition + UInt64(index)), factor)
                    }
                    result.append(byte)
                }
            }
        }
        return result
    }

    /// Of output pixel (y, x), in 1/65,536 of a pixel: first along x for each of four grid rows, then along y.
    private func displacement(_ random: KeyedRandom, _ y: Int, _ x: Int, _ width: Int) -> (x: Int, y: Int) {
        guard let elastic else { return (0, 0) }
        let columnCount = Self.gridCount(width, elastic.spacing)
        let across = Self.splineWeights(x % elastic.spacing, elastic.spacing)
        let down = Self.splineWeights(y % elastic.spacing, elastic.spacing)
        func along(_ axis: Int) -> Int {
            var total = 0
            for row in 0..<4 {
                var rowTotal = 0
                for column in 0..<4 {
                    let index = (y / elastic.spacing + row) * columnCount + x / elastic.spacing + column
                    rowTotal += Int(across[column]) * Int(Self.gridValue(random, elastic, index, axis))
                }
                total += Int(down[row]) * (rowTotal >> 12)
            }
            return total >> 12
        }
        return (along(0), along(1))
    }
}
