import Errors

/// In which order an epoch visits its samples (`EpochOrder`): one word in a configuration, `full` or `blocks`.
package enum SampleOrder: Sendable, Equatable {
    /// One shuffle of all.
    case full
    /// Blocks of consecutive samples in random order, then a shuffle within each window of so many blocks: a window's samples
    /// lie in few places, so that data larger than memory are read in long pieces.
    case blocks(sampleCount: Int, window: Int)

    /// 784 KiB of 28 × 28 pixels a block, 49 MiB a window.
    package static let standardBlocks = SampleOrder.blocks(sampleCount: 1_024, window: 64)

    package init(text: String) throws {
        let words = text.split(separator: " ")
        switch (words.first ?? "", words.count) {
        case ("full", 1): self = .full
        case ("blocks", 1): self = Self.standardBlocks
        case ("blocks", 3):
            let numbers = words.dropFirst().compactMap { Int($0) }
            guard numbers.count == 2, numbers.allSatisfy({ (1...1 << 24).contains($0) }) else { fallthrough }
            self = .blocks(sampleCount: numbers[0], window: numbers[1])
        default:
            throw Failure(
                .usage,
                "--shuffle \(text): it may be full, blocks, or blocks SAMPLES WINDOW with two whole numbers from 1 to "
                    + "16777216, such as \(Self.standardBlocks.text)")
        }
    }

    /// What `init(text:)` reads back to the same.
    package var text: String {
        switch self {
        case .full: "full"
        case .blocks(let sampleCount, let window): "blocks \(sampleCount) \(window)"
        }
    }
}
