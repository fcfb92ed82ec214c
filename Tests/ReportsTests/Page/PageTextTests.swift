import Reports
import Testing

struct PageTextTests {
    @Test func textIsEscapedAndPiecesAreNot() {
        let name = "<script>alert(1)</script>\"'&\u{0}\u{1B}[31m\u{85}é\n"
        let piece: HTML = "<b title=\"\(name)\">\(name)</b>"
        let escaped =
            "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\u{FFFD}\u{FFFD}[31m\u{FFFD}é\n"
        #expect(piece.text == "<b title=\"\(escaped)\">\(escaped)</b>")
        #expect(("<p>\(piece)</p>" as HTML).text == "<p>\(piece.text)</p>")
        #expect(([piece, piece] as [HTML]).joined(" ").text == piece.text + " " + piece.text)
    }

    @Test func jsonCannotEndItsElement() {
        #expect(HTML.json("{\"a\":\"</script><!--\"}").text == "{\"a\":\"\\u003c/script>\\u003c!--\"}")
    }

    @Test(arguments: [
        (0.0, "0"), (-0.04, "0"), (12.34, "12.3"), (-12.36, "-12.4"), (1e300, "0"), (.nan, "0"), (99.96, "100"),
    ]) func placesHaveOneDecimal(value: Double, text: String) {
        #expect(("\(value)" as HTML).text == text)
    }

    @Test(arguments: [
        (1_234_567.0, "1,234,567"), (0.123_456, "0.1235"), (-3, "-3"), (1e-9, "1e-09"), (.infinity, "∞"),
        (.nan, "not a number"),
    ]) func numbers(value: Double, text: String) { #expect(PageText.number(value) == text) }

    @Test(arguments: [
        ("plain-1.5", "plain-1.5"), ("dense 8, relu", "'dense 8, relu'"), ("it's", "'it'\\''s'"), ("", "''"),
        ("$(rm)", "'$(rm)'"), ("a\nb", "'a\nb'"),
    ]) func shellWords(text: String, word: String) { #expect(PageText.shellWord(text) == word) }
}

struct AxisTests {
    /// By hand: low, high, first and last tick, step.
    @Test(arguments: [
        (0.0, 1.0, 0.0, 1.0, 0.2), (0.31, 0.58, 0.3, 0.6, 0.1), (-3, 7, -4, 8, 2), (0, 1_234, 0, 1_500, 500),
        (99.1, 99.9, 99, 100, 0.2), (1e-6, 9e-6, 0, 1e-5, 2e-6), (5, 5, 4.4, 5.6, 0.2),
    ]) func linearTicks(low: Double, high: Double, first: Double, last: Double, step: Double) {
        let axis = Axis("x", covering: [low, high])
        let ticks = axis.ticks.map(\.value)
        #expect(axis.low <= low && axis.high >= high && ticks.count >= 3 && ticks.count <= 8)
        for (a, b) in zip(ticks, ticks.dropFirst()) { #expect(abs(b - a - step) < step * 1e-9, "\(ticks)") }
        #expect(abs(axis.low - first) <= step * 1e-9 || low == high, "\(ticks)")
        #expect(abs(axis.high - last) <= step * 1e-9 || low == high, "\(ticks)")
    }

    @Test func ticksAreWrittenWithTheDecimalsThatTheyNeed() {
        #expect(Axis("x", covering: [0.31, 0.58]).ticks.map(\.label) == ["0.3", "0.4", "0.5", "0.6"])
        #expect(Axis("x", covering: [0, 0.2]).ticks.map(\.label).contains("0.05"))
        #expect(Axis("x", covering: [0, 120_000]).ticks.map(\.label).contains("100,000"))
        // 3 · 0.1 is not 0.3, but 3 / 10 is.
        #expect(Axis("x", covering: [0, 0.5]).ticks.map(\.value).contains(0.3))
    }

    @Test(arguments: [(1e-4, 30.0), (0.02, 0.09), (1, 1), (1e-12, 1e12), (3, 700)])
    func logarithmicTicksEncloseTheirValues(low: Double, high: Double) {
        let axis = Axis("x", covering: [low, high], isLogarithmic: true)
        #expect(axis.low <= low * (1 + 1e-12) && axis.high >= high * (1 - 1e-12), "\(axis.ticks)")
        #expect(axis.ticks.count >= 2 && axis.ticks.count <= 10, "\(axis.ticks)")
        let places = axis.ticks.map { axis.place($0.value) }
        #expect(places == places.sorted() && places.first == 0 && places.last == 1)
    }

    @Test func logarithmicPlacesAreEven() {
        let axis = Axis("x", covering: [1e-4, 1], isLogarithmic: true)
        for (value, place) in [(1e-4, 0.0), (1e-3, 0.25), (1e-2, 0.5), (0.1, 0.75), (1, 1)] {
            #expect(abs(axis.place(value) - place) < 1e-9)
        }
        #expect(axis.place(0) == 0 && axis.place(-5) == 0)
    }

    @Test(arguments: [(1, 1), (1, 5), (1, 10), (3, 100), (1, 5_000), (0, 1 << 31)]) func wholeTicks(low: Int, high: Int)
    {
        let axis = Axis("epoch", wholeNumbers: low...high)
        #expect(axis.low == Double(low) && axis.high >= Double(high))
        #expect(axis.ticks.count <= 9 && axis.ticks.allSatisfy { $0.value == $0.value.rounded() }, "\(axis.ticks)")
    }

    @Test func nothingToShowIsNoReasonToStop() {
        #expect(Axis("x", covering: []).ticks.count > 1)
        #expect(Axis("x", covering: [.nan, .infinity]).ticks.count > 1)
        #expect(Axis("x", covering: [0, -1], isLogarithmic: true).ticks.count > 1)
        #expect(Axis("x", covering: [Double.leastNonzeroMagnitude, Double.leastNormalMagnitude]).ticks.count > 1)
        #expect((2...9).contains(Axis("x", covering: [-1e308, 1e308]).ticks.count))
        #expect((2...9).contains(Axis("x", covering: [1e30, 1e30 * (1 + 0x1p-52)]).ticks.count))
    }
}
