import Numerics
import Randomness

/// Random changes of a picture, drawn from (seed, epoch, sample): the same for any number of workers, and anew in every
/// epoch. Bytes become bytes, by whole numbers alone: the same bits everywhere.
///
/// An output pixel takes the source at `M · (place − centre) + centre + shift + elastic(place)`, between four pixels
/// (bilinear; outside the picture is 0). Then a rectangle is erased, then noise is added. Last, pictures of a batch are
/// mixed.
package struct Augmentation: Sendable, Equatable {
    /// Greatest shift along each axis, in pixels.
    package var shift = 0.0
    /// Greatest angle, in degrees.
    package var rotation = 0.0
    /// Of the size; 1 leaves it.
    package var scale = 1.0...1.0
    /// Greatest angle of the vertical against itself, as a slope: columns move by this share of their height.
    package var shear = 0.0
    /// Random vectors on a grid, between which a cubic B-spline runs.
    package var elastic: Elastic?
    /// Whether every second picture is mirrored, left to right.
    package var flips = false
    package var erasing: Erasing?
    /// Standard deviation of noise, in levels of 255: the sum of four uniform numbers, nearly normal.
    package var noise = 0.0
    /// What comes last, by a `Mixer`: an `Augmenter` sees one picture alone.
    package var mixing = Mixing()

    package struct Elastic: Sendable, Equatable {
        /// Greatest displacement of a grid point along each axis, in pixels.
        package var amplitude: Double
        /// Pixels between grid points.
        package var spacing: Int

        package init(amplitude: Double, spacing: Int) {
            (self.amplitude, self.spacing) = (amplitude, spacing)
        }
    }

    package struct Erasing: Sendable, Equatable {
        package var probability: Double
        /// Longest side of the rectangle, in pixels; its sides are uniform from 1.
        package var greatestSide: Int

        package init(probability: Double, greatestSide: Int) {
            (self.probability, self.greatestSide) = (probability, greatestSide)
        }
    }

    package init() {}

    package var isIdentity: Bool { self == Augmentation() }

    /// Whether there is nothing for an `Augmenter`.
    package var leavesSinglePictures: Bool {
        var single = self
        single.mixing = Mixing()
        return single.isIdentity
    }

    /// What one sample gets.
    struct Draw: Equatable {
        /// Source = matrix · output + offset, rows then columns, in 1/65,536 of a pixel.
        var matrix: (xx: Int32, xy: Int32, yx: Int32, yy: Int32)
        var offset: (x: Int32, y: Int32)
        /// Rows and columns that are erased.
        var erased: (rows: Range<Int>, columns: Range<Int>)

        static func == (a: Draw, b: Draw) -> Bool {
            a.matrix == b.matrix && a.offset == b.offset && a.erased == b.erased
        }
    }

    /// Places in 1/65,536 of a pixel fit 32 bits up to here, also at the least scale.
    package static let sideLimit = 1_024
    package static let leastScale = 0.25

    /// Where words of the stream begin: the draw's, those of grid points, those of noise.
    static let gridPosition: UInt64 = 64
    static let noisePosition: UInt64 = 1 << 16

    static func stream(seed: UInt64, epoch: UInt64, sample: UInt64) -> KeyedRandom {
        KeyedRandom(seed: seed, purpose: .augmentation, epoch: epoch, subject: sample)
    }

    /// Each number has its place in the stream, whether it is used or not.
    func draw(_ random: KeyedRandom, height: Int, width: Int) -> Draw {
        func uniform(_ position: UInt64, _ low: Double, _ high: Double) -> Double {
            low + (high - low) * random.uniformDouble(at: position)
        }
        let angle = uniform(0, -rotation, rotation) * (Double.pi / 180)
        let (cosine, sine) = (ScalarMath.cosine(angle), ScalarMath.cosine(angle - Double.pi / 2))
        let inverse = 1 / uniform(1, scale.lowerBound, scale.upperBound)
        let slope = uniform(2, -shear, shear)
        let (shiftX, shiftY) = (uniform(3, -shift, shift), uniform(4, -shift, shift))
        let mirror = flips && random.uniformDouble(at: 5) < 0.5 ? -1.0 : 1.0
        // Output → source: mirror, shear, rotate and scale back.
        let xx = mirror * cosine * inverse
        let xy = mirror * (sine + slope * cosine) * inverse
        let yx = -sine * inverse
        let yy = (cosine - slope * sine) * inverse
        let (centreX, centreY) = (Double(width - 1) / 2, Double(height - 1) / 2)
        var erased = (rows: 0..<0, columns: 0..<0)
        if let erasing, random.uniformDouble(at: 6) < erasing.probability {
            func side(_ position: UInt64, _ extent: Int) -> Range<Int> {
                let length = min(extent, 1 + Int(uniform(position, 0, Double(erasing.greatestSide))))
                let begin = Int(uniform(position + 1, 0, Double(extent - length + 1)))
                return begin..<begin + length
            }
            erased = (side(7, height), side(9, width))
        }
        return Draw(
            matrix: (Self.fixed(xx), Self.fixed(xy), Self.fixed(yx), Self.fixed(yy)),
            offset: (
                Self.fixed(centreX - xx * centreX - xy * centreY - shiftX),
                Self.fixed(centreY - yx * centreX - yy * centreY - shiftY)
            ), erased: erased)
    }

    /// In 1/65,536; far outside the picture is far enough.
    static func fixed(_ value: Double) -> Int32 {
        Int32((min(max(value, -4_096), 4_096) * 65_536).rounded(.toNearestOrEven))
    }

    /// Displacement of grid point (row, column) along `axis` (0: x), in 1/65,536 of a pixel.
    static func gridValue(_ random: KeyedRandom, _ elastic: Elastic, _ index: Int, _ axis: Int) -> Int32 {
        gridValue(random.word(at: gridPosition + UInt64(2 * index + axis)), elastic)
    }

    static func gridValue(_ word: UInt32, _ elastic: Elastic) -> Int32 {
        fixed((2 * (Double(word) * 0x1p-32) - 1) * elastic.amplitude)
    }

    /// Grid points along an extent: the spline at a place needs one before and two after it.
    static func gridCount(_ extent: Int, _ spacing: Int) -> Int { (extent - 1) / spacing + 4 }

    /// Weights of a cubic B-spline at `step` of `spacing`, in 1/4,096; they sum to 4,096.
    static func splineWeights(_ step: Int, _ spacing: Int) -> SIMD4<Int32> {
        let (t, s) = (step, spacing)
        let whole = 6 * s * s * s
        func scaled(_ value: Int) -> Int32 { Int32((value * 4_096 + whole / 2) / whole) }
        let first = scaled((s - t) * (s - t) * (s - t))
        let last = scaled(t * t * t)
        let third = scaled(s * s * s + 3 * s * s * t + 3 * s * t * t - 3 * t * t * t)
        return SIMD4(first, 4_096 - first - last - third, third, last)
    }

    /// What noise adds to a byte for the four bytes of one random word, in 1/65,536 of a level.
    static func noiseFactor(_ deviation: Double) -> Int32 {
        // Four bytes have the standard deviation √(4 · (256² − 1) / 12) = 147.80.
        Int32((min(deviation, 255) * 65_536 / 147.799_1).rounded(.toNearestOrEven))
    }

    static func noisy(_ byte: UInt8, _ word: UInt32, _ factor: Int32) -> UInt8 {
        let sum = Int32(word & 0xff) + Int32(word >> 8 & 0xff) + Int32(word >> 16 & 0xff) + Int32(word >> 24) - 510
        let value = Int64(byte) << 16 + Int64(sum) * Int64(factor) + 1 << 15
        return UInt8(min(max(value >> 16, 0), 255))
    }
}
