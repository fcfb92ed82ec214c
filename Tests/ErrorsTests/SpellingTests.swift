import Errors
import Testing

@Suite("Spelling")
struct SpellingTests {
    @Test(
        "the nearest name within two edits",
        arguments: [
            ("rleu", "relu"), ("dens", "dense"), ("batchsize", "batch-size"), ("Fashion_MNIST", "fashion-mnist"),
            ("mnsit", "mnist"), ("attention", nil), ("", nil),
        ])
    func nearest(text: String, expected: String?) {
        let names = ["relu", "dense", "batch-size", "fashion-mnist", "mnist"]
        #expect(Spelling.nearest(to: text, in: names) == expected)
    }
}
