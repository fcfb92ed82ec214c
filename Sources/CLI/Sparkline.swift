/// A curve in one line of text: eight heights a character, from the least value to the greatest.
struct Sparkline {
    private static let blocks = Array("▁▂▃▄▅▆▇█")
    /// More are brought together two by two, so that a long run takes no more memory than a short one.
    private static let limit = 512

    /// Means of `weight` values each, but for the last.
    private var values: [Double] = []
    private var weight = 1
    private var rest: (sum: Double, count: Int) = (0, 0)

    var isEmpty: Bool { values.isEmpty }

    mutating func append(_ value: Double) {
        guard value.isFinite else { return }
        rest = (rest.sum + value, rest.count + 1)
        guard rest.count == weight else { return }
        values.append(rest.sum / Double(weight))
        rest = (0, 0)
        guard values.count == Self.limit else { return }
        values = stride(from: 0, to: values.count, by: 2).map { (values[$0] + values[$0 + 1]) / 2 }
        weight *= 2
    }

    /// All values in at most `width` characters.
    func text(width: Int) -> String {
        let count = min(width, values.count)
        guard count > 0 else { return "" }
        let means = (0..<count).map { column in
            let part = values[column * values.count / count..<(column + 1) * values.count / count]
            return part.reduce(0, +) / Double(part.count)
        }
        let (least, greatest) = (means.min() ?? 0, means.max() ?? 0)
        return String(
            means.map { mean in
                let share = greatest > least ? (mean - least) / (greatest - least) : 0
                return Self.blocks[min(Int(share * Double(Self.blocks.count)), Self.blocks.count - 1)]
            })
    }
}
