import Errors
import Testing

@Suite("Grouping")
struct GroupingTests {
    @Test(
        "thousands are set apart",
        arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (60_000, "60,000"), (-1_234_567, "-1,234,567")])
    func grouping(number: Int, text: String) { #expect(grouped(number) == text) }
}
