import Sweeps

/// A scale of a chart: from values to places between 0 and 1, and the ticks on the way.
package struct Axis: Sendable {
    package struct Tick: Sendable, Equatable {
        package let value: Double
        package let label: String
    }

    let title: String
    package let low: Double
    package let high: Double
    package let isLogarithmic: Bool
    package let ticks: [Tick]

    /// - Parameters:
    ///   - values: Those that are not finite do not count; nor, on a logarithmic axis, those that are not positive.
    ///   - reach: The axis reaches at least this far.
    package init(
        _ title: String, covering values: [Double], reach: ClosedRange<Double>? = nil, isLogarithmic: Bool = false
    ) {
        let finite = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
        var low = finite.min() ?? (isLogarithmic ? 1 : 0)
        var high = finite.max() ?? (isLogarithmic ? 10 : 1)
        if let reach { (low, high) = (min(low, reach.lowerBound), max(high, reach.upperBound)) }
        self.title = title
        self.isLogarithmic = isLogarithmic
        ticks = isLogarithmic ? Self.logarithmicTicks(low, high) : Self.linearTicks(low, high)
        self.low = min(low, ticks.first?.value ?? low)
        self.high = max(high, ticks.last?.value ?? high)
    }

    /// Whole numbers from 0, at most 2³², with a tick for each, or for every second, fifth, …
    package init(_ title: String, wholeNumbers range: ClosedRange<Int>) {
        self.title = title
        isLogarithmic = false
        let (first, last) = (range.lowerBound, max(range.upperBound, range.lowerBound + 1))
        var step = 1
        var factors = [2, 5, 10]
        while (last - first) / step > 7 {
            step = factors[0]
            factors = factors.dropFirst() + [factors[0] * 10]
        }
        let begin = first + (step - first % step) % step
        ticks = stride(from: begin, through: last, by: step).map { Tick(value: Double($0), label: "\($0)") }
        (low, high) = (Double(first), Double(last))
    }

    /// From 0 at `low` to 1 at `high`.
    package func place(_ value: Double) -> Double {
        guard high > low else { return 0.5 }
        if isLogarithmic {
            guard value > 0 else { return 0 }
            let (from, to) = (Self.logarithm(low), Self.logarithm(high))
            return min(max((Self.logarithm(value) - from) / (to - from), 0), 1)
        }
        return min(max((value - low) / (high - low), 0), 1)
    }

    /// Multiples of 1, 2 or 5 times a power of ten, three to eight of them, that enclose both ends.
    private static func linearTicks(_ low: Double, _ high: Double) -> [Tick] {
        // Differences of larger numbers are not finite.
        var (low, high) = (max(low, -1e300), min(high, 1e300))
        if high <= low {
            let reach = low == 0 ? 1 : abs(low) * 0.1
            (low, high) = (low - reach, high + reach)
        }
        let wanted = (high - low) / 5 * (1 - 1e-9)
        var exponent = 0
        while power(exponent + 1) < wanted && exponent < 300 { exponent += 1 }
        while power(exponent) >= wanted && exponent > -300 { exponent -= 1 }
        // 1, 2, 5 or 10 times a power of ten that is less than wanted.
        var mantissa = [2, 5].first { Double($0) * power(exponent) >= wanted } ?? 1
        if mantissa == 1 { (mantissa, exponent) = (1, exponent + 1) }
        let step = Double(mantissa) * power(exponent)
        let first = Int((low / step).rounded(.down))
        let last = Int((high / step).rounded(.up))
        return (first...last).map { index in
            let value =
                exponent < 0
                ? Double(index * mantissa) / power(-exponent) : Double(index * mantissa) * power(exponent)
            return Tick(value: value, label: label(value, exponent))
        }
    }

    private static func label(_ value: Double, _ exponent: Int) -> String {
        if (-6 ... -1).contains(exponent) && abs(value) < 1e6 { return PageText.fixed(value, -exponent) }
        if (0...6).contains(exponent) && abs(value) < 1e9 { return PageText.number(value) }
        return PageText.number(value, 3)
    }

    /// Powers of ten that enclose both ends; within two of them 2 and 5 times as well.
    private static func logarithmicTicks(_ low: Double, _ high: Double) -> [Tick] {
        let (low, high) = (max(low, 1e-300), min(max(high, 1e-300), 1e300))
        var first = 0
        while power(first) > low { first -= 1 }
        while power(first + 1) <= low { first += 1 }
        var last = first
        while power(last) < high { last += 1 }
        last = max(last, first + 1)
        let step = max(1, (last - first) / 6)
        if last - first > 2 {
            var exponents = Array(stride(from: first, through: last, by: step))
            if let end = exponents.last, end < last { exponents.append(end + step) }
            return exponents.map { Tick(value: power($0), label: PageText.number(power($0), 3)) }
        }
        let all = (first...last).flatMap { exponent in [1.0, 2, 5].map { $0 * power(exponent) } }
        let begin = all.lastIndex { $0 <= low } ?? 0
        let end = max(all.firstIndex { $0 >= high } ?? all.count - 1, min(begin + 1, all.count - 1))
        return all[begin...end].map { Tick(value: $0, label: PageText.number($0, 3)) }
    }

    private static func power(_ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<exponent.magnitude { result *= 10 }
        return exponent < 0 ? 1 / result : result
    }

    /// To the base 2, to 2⁻⁴⁰.
    private static func logarithm(_ value: Double) -> Double { Elbow.binaryLogarithm(value) }
}
