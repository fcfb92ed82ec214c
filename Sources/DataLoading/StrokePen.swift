import Randomness

/// Draws a digit as strokes of a round pen. Only sums, products, quotients and square roots of `Float`: the same bits
/// on every machine.
struct StrokePen {
    typealias Point = SIMD2<Float>

    private static let side = SyntheticDigits.side

    private var sequence: RandomSequence

    init(random: KeyedRandom) {
        sequence = RandomSequence(random)
        _ = sequence.next()  // the label's word
    }

    /// Lines through points in a square of 100 × 100, x to the right and y down. `isCurve`: corners are cut.
    private struct Stroke {
        let isCurve: Bool
        let points: [Point]

        init(_ isCurve: Bool, _ coordinates: [(Float, Float)]) {
            self.isCurve = isCurve
            points = coordinates.map { Point($0.0, $0.1) }
        }
    }

    private static let shapes: [[Stroke]] = [
        [
            Stroke(
                true,
                [
                    (50, 8), (74, 12), (84, 36), (84, 64), (74, 88), (50, 92), (26, 88), (16, 64), (16, 36), (26, 12),
                    (50, 8),
                ])
        ],
        [Stroke(false, [(34, 28), (54, 10), (52, 90)])],
        [
            Stroke(true, [(22, 30), (28, 10), (52, 6), (76, 14), (74, 40), (46, 66), (22, 90)]),
            Stroke(false, [(22, 90), (80, 88)]),
        ],
        [
            Stroke(true, [(24, 16), (46, 6), (74, 12), (74, 40), (42, 47)]),
            Stroke(true, [(42, 47), (80, 52), (80, 82), (52, 96), (20, 84)]),
        ],
        [Stroke(false, [(56, 8), (18, 62), (84, 62)]), Stroke(false, [(64, 34), (62, 92)])],
        [
            Stroke(false, [(76, 10), (34, 10), (28, 44)]),
            Stroke(true, [(28, 44), (56, 34), (80, 52), (78, 80), (54, 94), (22, 84)]),
        ],
        [Stroke(true, [(68, 8), (40, 24), (22, 58), (28, 88), (54, 96), (78, 82), (72, 56), (46, 50), (26, 66)])],
        [Stroke(false, [(20, 12), (80, 12), (44, 90)])],
        [
            Stroke(
                true,
                [
                    (50, 48), (24, 36), (26, 10), (52, 6), (76, 12), (74, 36), (50, 48), (20, 62), (24, 90), (50, 96),
                    (78, 88), (78, 62), (50, 48),
                ])
        ],
        [
            Stroke(true, [(72, 32), (60, 52), (32, 50), (24, 28), (38, 6), (64, 8), (74, 32)]),
            Stroke(false, [(74, 28), (70, 56), (58, 92)]),
        ],
    ]
    private static let crossbar = Stroke(false, [(38, 50), (70, 50)])

    mutating func draw(_ digit: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        var strokes = Self.shapes[digit]
        if digit == 7 && uniform(0, 1) < 0.3 { strokes.append(Self.crossbar) }
        // Columns of a matrix near the identity, in pixels: a digit is about 20 pixels high.
        let scale = uniform(0.17, 0.21)
        let across = Point(uniform(0.8, 1.1), uniform(-0.14, 0.14)) * scale
        let down = Point(uniform(-0.32, 0.14), uniform(0.88, 1.08)) * scale
        let centre = Point(uniform(12.5, 14.5), uniform(12.8, 14.2))
        let radius = uniform(0.7, 1.6)
        let ink = uniform(200, 255)

        withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.side * Self.side) { distances in
            distances.initialize(repeating: .greatestFiniteMagnitude)
            for stroke in strokes {
                var points = stroke.points.map { point in
                    let moved = point + Point(uniform(-4, 4), uniform(-4, 4)) - 50
                    return centre + across * moved.x + down * moved.y
                }
                if stroke.isCurve {
                    points = Self.cuttingCorners(points)
                    points = Self.cuttingCorners(points)
                }
                for index in 1..<points.count {
                    Self.measure(from: points[index - 1], to: points[index], reach: radius + 0.5, distances)
                }
            }
            for index in pixels.indices {
                let depth = radius + 0.5 - distances[index].squareRoot()
                pixels[index] = UInt8(ink * min(max(depth, 0), 1) + 0.5)
            }
        }
    }

    /// Uniform in [low, high).
    private mutating func uniform(_ low: Float, _ high: Float) -> Float {
        low + (high - low) * KeyedRandom.uniformFloat(sequence.next())
    }

    /// Chaikin's: each edge gives way to its middle half; the ends stay.
    private static func cuttingCorners(_ points: [Point]) -> [Point] {
        var result = [points[0]]
        for index in 1..<points.count {
            let (a, b) = (points[index - 1], points[index])
            result.append(a * 0.75 + b * 0.25)
            result.append(a * 0.25 + b * 0.75)
        }
        result.append(points[points.count - 1])
        return result
    }

    /// Lowers the squared distances of the pixels near the line from `a` to `b`.
    private static func measure(
        from a: Point, to b: Point, reach: Float, _ distances: UnsafeMutableBufferPointer<Float>
    ) {
        let direction = b - a
        let inverse = 1 / max(direction.x * direction.x + direction.y * direction.y, 1e-6)
        func range(_ low: Float, _ high: Float) -> Range<Int> {
            let begin = max(0, Int(max(low - reach, -1)) - 1)
            let end = min(side, Int(min(max(high + reach, 0), 1_000)) + 2)
            return begin..<max(begin, end)
        }
        for y in range(min(a.y, b.y), max(a.y, b.y)) {
            for x in range(min(a.x, b.x), max(a.x, b.x)) {
                let offset = Point(Float(x), Float(y)) - a
                let along = min(max((offset.x * direction.x + offset.y * direction.y) * inverse, 0), 1)
                let difference = offset - direction * along
                let squared = difference.x * difference.x + difference.y * difference.y
                if squared < distances[y * side + x] { distances[y * side + x] = squared }
            }
        }
    }
}
