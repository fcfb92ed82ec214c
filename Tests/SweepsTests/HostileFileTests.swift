import Errors
import Sweeps
import Testing

/// Files of about a mebibyte that nobody writes by hand. Each is refused; none takes noticeable time.
@Suite("Hostile sweep files")
struct HostileFileTests {
    private static let size = 1 << 20

    private static func filled(_ text: String, head: String = "", tail: String = "") -> String {
        head + String(repeating: text, count: (size - head.utf8.count - tail.utf8.count) / text.utf8.count) + tail
    }

    /// Each list names the one before it nine times: 9⁹ values.
    private static let laughs: String = {
        var lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
        for level in 1...9 {
            let names = [String](repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            lines.append("a\(level): &a\(level) [\(names)]")
        }
        return lines.joined(separator: "\n") + "\n"
    }()

    /// As keys they would be hashed.
    private static let laughingKeys = laughs + "? *a9\n: 1\n? *a9\n: 2\n"

    static let files: [(name: String, text: String, fragment: String)] = [
        ("flow lists in lists", filled("["), ""),
        ("flow mappings in mappings", filled("{"), ""),
        ("block lists in lists", filled("- "), ""),
        ("block mappings in mappings", (0..<1_400).map { String(repeating: " ", count: $0) + "a:\n" }.joined(), ""),
        ("lists in lists, closed", String(repeating: "[", count: 900) + String(repeating: "]", count: 900), "deep"),
        ("question marks", filled("? "), ""),
        ("a billion laughs", laughs, "more than 200,000 values"),
        ("a billion laughs as keys", laughingKeys, ""),
        ("an alias of itself", "method: &a [*a]\n", "an alias is *name alone"),
        ("many anchors", (0..<40_000).map { "k\($0): &a\($0) 1\n" }.joined() + "z: *a1\n", "unknown key"),
        ("many keys", (0..<90_000).map { "k\($0): 1\n" }.joined(), "unknown key"),
        ("the same key again and again", filled("a: 1\n"), "is there twice"),
        ("one long key", filled("a", tail: ": 1\n"), ""),
        ("one long text", filled("a", head: "method: \""), ""),
        ("more than a mebibyte", filled("# x\n") + filled("# x\n"), "a sweep's file has at most 1 MiB"),
        (
            "very many values",
            "method: grid\nparameters: {seed: {values: [" + (0..<140_000).map { "\($0)" }.joined(separator: ",")
                + "]}, zz: {values: [1, 2]}}\n", "unknown option"
        ),
        ("private characters", "method: \"\u{E000}*\"\n", "private use"),
    ]

    @Test("is refused", arguments: files.map(\.name))
    func refusal(name: String) throws {
        let file = try #require(Self.files.first { $0.name == name })
        let failure = #expect(throws: Failure.self) { try SweepDefinition(yaml: file.text, path: "sweep.yaml") }
        let message = failure?.message ?? ""
        #expect(
            failure?.kind == .data && message.hasPrefix("sweep.yaml")
                && (file.fragment.isEmpty || message.contains(file.fragment)), "\(message)")
        #expect(message.utf8.count < 1_000 && !message.contains("\n"))
    }
}
