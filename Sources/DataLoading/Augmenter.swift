import Randomness

/// Applies an `Augmentation` to pictures of one size, without allocating: each worker has one.
package final class Augmenter {
    package let augmentation: Augmentation
    private let height: Int
    private let width: Int
    private let channels: Int
    private let seed: UInt64
    /// `[height, gridColumns, 2]`: grid values already summed along y.
    private var columns: [Int32]
    /// `[gridRows, gridColumns, 2]`
    private var grid: [Int32]
    /// For each step within the spacing.
    private let weights: [SIMD4<Int32>]
    /// `[width]`: displacement of a row's pixels.
    private var displacements: [SIMD2<Int32>]

    package init(_ augmentation: Augmentation, height: Int, width: Int, channels: Int, seed: UInt64) {
        precondition(
            (1...Augmentation.sideLimit).contains(height) && (1...Augmentation.sideLimit).contains(width)
                && channels > 0,
            "Augmenter: [\(height), \(width), \(channels)] is no picture that places in 32 bits can be of")
        self.augmentation = augmentation
        (self.height, self.width, self.channels, self.seed) = (height, width, channels, seed)
        let spacing = augmentation.elastic?.spacing ?? 1
        let hasGrid = augmentation.elastic != nil
        let gridColumns = hasGrid ? Augmentation.gridCount(width, spacing) : 0
        let gridRows = hasGrid ? Augmentation.gridCount(height, spacing) : 0
        grid = [Int32](repeating: 0, count: 2 * gridRows * gridColumns)
        columns = [Int32](repeating: 0, count: 2 * gridColumns)
        weights = hasGrid ? (0..<spacing).map { Augmentation.splineWeights($0, spacing) } : []
        displacements = [SIMD2<Int32>](repeating: .zero, count: width)
    }

    /// Writes what becomes of `source` in `epoch`; both `[height, width, channels]`, and apart.
    package func apply(
        _ source: UnsafePointer<UInt8>, sample: UInt64, epoch: UInt64, to target: UnsafeMutablePointer<UInt8>
    ) {
        let random = Augmentation.stream(seed: seed, epoch: epoch, sample: sample)
        let draw = augmentation.draw(random, height: height, width: width)
        prepareGrid(random)
        for y in 0..<height {
            displace(row: y)
            var place = SIMD2<Int32>(
                draw.matrix.xy &* Int32(y) &+ draw.offset.x, draw.matrix.yy &* Int32(y) &+ draw.offset.y)
            let step = SIMD2<Int32>(draw.matrix.xx, draw.matrix.yx)
            for x in 0..<width {
                interpolate(source, at: place &+ displacements[x], to: target + (y * width + x) * channels)
                place &+= step
            }
        }
        for y in draw.erased.rows {
            let begin = (y * width + draw.erased.columns.lowerBound) * channels
            (target + begin).update(repeating: 0, count: draw.erased.columns.count * channels)
        }
        if augmentation.noise > 0 { addNoise(random, to: target) }
    }

    private func interpolate(
        _ source: UnsafePointer<UInt8>, at place: SIMD2<Int32>, to target: UnsafeMutablePointer<UInt8>
    ) {
        let (column, row) = (Int(place.x >> 16), Int(place.y >> 16))
        let (right, down) = (Int32(place.x >> 8 & 255), Int32(place.y >> 8 & 255))
        if row >= 0 && column >= 0 && row < height - 1 && column < width - 1 {
            let first = source + (row * width + column) * channels
            let second = first + width * channels
            for channel in 0..<channels {
                let upper = Int32(first[channel]) &* (256 &- right) &+ Int32(first[channel + channels]) &* right
                let lower = Int32(second[channel]) &* (256 &- right) &+ Int32(second[channel + channels]) &* right
                target[channel] = UInt8(truncatingIfNeeded: (upper &* (256 &- down) &+ lower &* down &+ 1 << 15) >> 16)
            }
            return
        }
        guard row >= -1 && column >= -1 && row < height && column < width else {
            target.update(repeating: 0, count: channels)
            return
        }
        // On the rim some of the four are outside.
        for channel in 0..<channels {
            func pixel(_ row: Int, _ column: Int) -> Int32 {
                row < 0 || column < 0 || row >= height || column >= width
                    ? 0 : Int32(source[(row * width + column) * channels + channel])
            }
            let upper = pixel(row, column) &* (256 &- right) &+ pixel(row, column + 1) &* right
            let lower = pixel(row + 1, column) &* (256 &- right) &+ pixel(row + 1, column + 1) &* right
            target[channel] = UInt8(truncatingIfNeeded: (upper &* (256 &- down) &+ lower &* down &+ 1 << 15) >> 16)
        }
    }

    private func prepareGrid(_ random: KeyedRandom) {
        guard let elastic = augmentation.elastic else { return }
        for index in 0..<grid.count / 2 {
            grid[2 * index] = Augmentation.gridValue(random, elastic, index, 0)
            grid[2 * index + 1] = Augmentation.gridValue(random, elastic, index, 1)
        }
    }

    /// The definition sums along x first and drops twelve bits after each sum; so does this.
    private func displace(row y: Int) {
        guard let spacing = augmentation.elastic?.spacing else { return }
        let gridColumns = columns.count / 2
        let down = weights[y % spacing]
        let top = y / spacing * gridColumns
        for x in 0..<width {
            let across = weights[x % spacing]
            var total = SIMD2<Int64>.zero
            for row in 0..<4 {
                var rowTotal = SIMD2<Int64>.zero
                for column in 0..<4 {
                    let index = 2 * (top + row * gridColumns + x / spacing + column)
                    rowTotal &+= SIMD2(Int64(grid[index]), Int64(grid[index + 1])) &* Int64(across[column])
                }
                total &+= (rowTotal &>> 12) &* Int64(down[row])
            }
            displacements[x] = SIMD2<Int32>(truncatingIfNeeded: total &>> 12)
        }
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
