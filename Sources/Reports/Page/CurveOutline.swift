/// What of a long curve is drawn: more points than pixels make a page large and look the same.
package enum CurveOutline {
    /// Above so many points.
    package static let limit = 2_000

    /// - Parameters:
    ///   - columns: Of the drawing, by point, in order.
    ///   - values: By point.
    /// - Returns: All points, or of many the first, the least, the greatest and the last of each column, in order.
    package static func indices(columns: [Int], values: [Double]) -> [Int] {
        precondition(columns.count == values.count, "CurveOutline: \(columns.count) columns, \(values.count) values")
        guard values.count > limit else { return Array(values.indices) }
        var kept: [Int] = []
        var begin = 0
        while begin < values.count {
            var (end, least, greatest) = (begin + 1, begin, begin)
            while end < values.count, columns[end] == columns[begin] {
                if values[end] < values[least] { least = end }
                if values[end] > values[greatest] { greatest = end }
                end += 1
            }
            for index in [begin, min(least, greatest), max(least, greatest), end - 1]
            where kept.last.map({ $0 < index }) ?? true { kept.append(index) }
            begin = end
        }
        return kept
    }
}
