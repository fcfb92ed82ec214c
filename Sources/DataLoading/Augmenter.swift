import Randomness

/// Applies an `Augmentation` to pictures of one size, without allocating: each worker has one.
package final class Augmenter {
    package let augmentation: Augmentation
    private let height: Int
    private let width: Int
    private let channels: Int
    private let seed: UInt64
    /// Along each axis, in 1/65,536 of a pixel. Plain numbers: without instructions beyond SSE2, SIMD2's are taken apart.
    private struct Vector {
        var x: Int32 = 0
        var y: Int32 = 0
    }

    /// `[gridRows, gridColumns]`
    private let grid: UnsafeMutableBufferPointer<Vector>
    /// `[gridRows, width]`: grid values already summed along x.
    private let gridRows: UnsafeMutableBufferPointer<Vector>
    /// For each step within the spacing.
    private let weights: UnsafeMutableBufferPointer<SIMD4<Int32>>
    /// `[width]`: displacement of a row's pixels.
    private let displacements: UnsafeMutableBufferPointer<Vector>

    package init(_ augmentation: Augmentation, height: Int, width: Int, channels: Int, seed: UInt64) {
        precondition(
            (1...Augmentation.sideLimit).contains(height) && (1...Augmentation.sideLimit).contains(width)
                && channels > 0,
            "Augmenter: [\(height), \(width), \(channels)] is no picture that places in 32 bits can be of")
        self.augmentation = augmentation
        (self.height, self.width, self.channels, self.seed) = (height, width, channels, seed)
        func allocate<Element>(_ count: Int, _ value: Element) -> UnsafeMutableBufferPointer<Element> {
            let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: count)
            buffer.initialize(repeating: value)
            return buffer
        }
        let spacing = augmentation.elastic?.spacing ?? 0
        let hasGrid = augmentation.elastic != nil
        let rowCount = hasGrid ? Augmentation.gridCount(height, spacing) : 0
        let columnCount = hasGrid ? Augmentation.gridCount(width, spacing) : 0
        // A random block is four words, two places of the grid.
        grid = allocate((rowCount * columnCount + 1) / 2 * 2, Vector())
        gridRows = allocate(rowCount * width, Vector())
        weights = allocate(spacing, .zero)
        for step in 0..<spacing { weights[step] = Augmentation.splineWeights(step, spacing) }
        displacements = allocate(width, Vector())
    }

    deinit {
        grid.deallocate()
        gridRows.deallocate()
        weights.deallocate()
        displacements.deallocate()
    }

    /// Writes what becomes of `source` in `epoch`; both `[height, width, channels]`, and apart.
    package func apply(
        _ source: UnsafePointer<UInt8>, sample: UInt64, epoch: UInt64, to target: UnsafeMutablePointer<UInt8>
    ) {
        let random = Augmentation.stream(seed: seed, epoch: epoch, sample: sample)
        let draw = augmentation.draw(random, height: height, width: width)
        prepareGrid(random)
        // One channel is known to the compiler.
        if channels == 1 {
            transform(source, draw, 1, to: target)
        } else {
            transform(source, draw, channels, to: target)
        }
        for y in draw.erased.rows {
            let begin = (y * width + draw.erased.columns.lowerBound) * channels
            (target + begin).update(repeating: 0, count: draw.erased.columns.count * channels)
        }
        if augmentation.noise > 0 { addNoise(random, to: target) }
    }

    @inline(__always)
    private func transform(
        _ source: UnsafePointer<UInt8>, _ draw: Augmentation.Draw, _ channels: Int,
        to target: UnsafeMutablePointer<UInt8>
    ) {
        let (height, width, displacements) = (height, width, displacements)
        let (stepX, stepY) = (Int(draw.matrix.xx), Int(draw.matrix.yx))
        var pixel = target
        for y in 0..<height {
            displace(row: y)
            var x = Int(draw.matrix.xy) &* y &+ Int(draw.offset.x)
            var y = Int(draw.matrix.yy) &* y &+ Int(draw.offset.y)
            for place in 0..<width {
                let (sourceX, sourceY) = (x &+ Int(displacements[place].x), y &+ Int(displacements[place].y))
                let (column, row) = (sourceX >> 16, sourceY >> 16)
                let (right, down) = (
                    Int32(truncatingIfNeeded: sourceX >> 8 & 255), Int32(truncatingIfNeeded: sourceY >> 8 & 255)
                )
                // Negative places are great unsigned ones.
                if UInt(bitPattern: row) < UInt(bitPattern: height &- 1)
                    && UInt(bitPattern: column) < UInt(bitPattern: width &- 1)
                {
                    let upper = source + (row &* width &+ column) &* channels
                    let lower = upper + width &* channels
                    for channel in 0..<channels {
                        pixel[channel] = Self.mix(
                            Int32(upper[channel]), Int32(upper[channel &+ channels]), Int32(lower[channel]),
                            Int32(lower[channel &+ channels]), right, down)
                    }
                } else {
                    interpolateRim(source, row, column, right, down, to: pixel)
                }
                x &+= stepX
                y &+= stepY
                pixel += channels
            }
        }
    }

    /// Of four neighbours, with fractions in 1/256: `(a · (256 − right) + b · right) · (256 − down) + …`, written with fewer
    /// products.
    @inline(__always)
    private static func mix(
        _ a: Int32, _ b: Int32, _ c: Int32, _ d: Int32, _ right: Int32, _ down: Int32
    ) -> UInt8 {
        let upper = a << 8 &+ (b &- a) &* right
        let lower = c << 8 &+ (d &- c) &* right
        return UInt8(truncatingIfNeeded: (upper << 8 &+ (lower &- upper) &* down &+ 1 << 15) >> 16)
    }

    /// On the rim some of the four are outside, where all is 0.
    @inline(never)
    private func interpolateRim(
        _ source: UnsafePointer<UInt8>, _ row: Int, _ column: Int, _ right: Int32, _ down: Int32,
        to target: UnsafeMutablePointer<UInt8>
    ) {
        guard row >= -1 && column >= -1 && row < height && column < width else {
            return target.update(repeating: 0, count: channels)
        }
        for channel in 0..<channels {
            func pixel(_ row: Int, _ column: Int) -> Int32 {
                row < 0 || column < 0 || row >= height || column >= width
                    ? 0 : Int32(source[(row * width + column) * channels + channel])
            }
            target[channel] = Self.mix(
                pixel(row, column), pixel(row, column + 1), pixel(row + 1, column), pixel(row + 1, column + 1), right,
                down)
        }
    }

    /// Draws the grid and sums it along x. The definition sums along x first and drops twelve bits after each sum; so does
    /// this, once for each row of the grid instead of once for each pixel.
    private func prepareGrid(_ random: KeyedRandom) {
        guard let elastic = augmentation.elastic else { return }
        for block in 0..<grid.count / 2 {
            let words = random.block(Augmentation.gridPosition / 4 + UInt64(block))
            for half in 0..<2 {
                grid[2 * block + half] = Vector(
                    x: Augmentation.gridValue(words[2 * half], elastic),
                    y: Augmentation.gridValue(words[2 * half + 1], elastic))
            }
        }
        let columnCount = Augmentation.gridCount(width, elastic.spacing)
        for row in 0..<gridRows.count / width {
            var (cell, step) = (row * columnCount, 0)
            for x in 0..<width {
                gridRows[row * width + x] = Self.spline(weights[step], grid, at: cell, stride: 1)
                step += 1
                if step == elastic.spacing { (cell, step) = (cell + 1, 0) }
            }
        }
    }

    private func displace(row y: Int) {
        guard let spacing = augmentation.elastic?.spacing else { return }
        let down = weights[y % spacing]
        let top = y / spacing * width
        for x in 0..<width {
            displacements[x] = Self.spline(down, gridRows, at: top + x, stride: width)
        }
    }

    /// Four points with weights of 1/4,096. A sum may have 35 bits.
    @inline(__always)
    private static func spline(
        _ weights: SIMD4<Int32>, _ points: UnsafeMutableBufferPointer<Vector>, at begin: Int, stride: Int
    ) -> Vector {
        var (x, y) = (0, 0)
        for index in 0..<4 {
            let point = points[begin + index * stride]
            x &+= Int(weights[index]) &* Int(point.x)
            y &+= Int(weights[index]) &* Int(point.y)
        }
        return Vector(x: Int32(truncatingIfNeeded: x >> 12), y: Int32(truncatingIfNeeded: y >> 12))
    }

    private func addNoise(_ random: KeyedRandom, to target: UnsafeMutablePointer<UInt8>) {
        let factor = Augmentation.noiseFactor(augmentation.noise)
        let count = height * width * channels
        for block in 0..<(count + 3) / 4 {
            let words = random.block(Augmentation.noisePosition / 4 + UInt64(block))
            for lane in 0..<min(4, count - 4 * block) {
                target[4 * block + lane] = Augmentation.noisy(target[4 * block + lane], words[lane], factor)
            }
        }
    }
}
