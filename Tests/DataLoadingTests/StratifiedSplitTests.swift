import DataLoading
import Errors
import Testing

struct StratifiedSplitTests {
    static func counts(_ samples: [Int32], _ labels: [UInt8]) -> [Int] {
        samples.reduce(into: [Int](repeating: 0, count: 4)) { $0[Int(labels[Int($1)])] += 1 }
    }

    /// Every class gives its share, rounded up or down, and the whole is that of the plain split.
    @Test(arguments: [0, 0.1, 0.2, 0.29, 0.5, 0.77, 0.999])
    func sharesOfClasses(_ fraction: Double) throws {
        let labels = (0..<1_000).map { UInt8($0 % 17 < 9 ? 0 : $0 % 17 < 14 ? 1 : $0 % 17 < 16 ? 2 : 3) }
        let all = Self.counts(labels.indices.map { Int32($0) }, labels)
        for seed in UInt64(0)..<3 {
            let split = try ValidationSplit(labels: labels, fraction: fraction, seed: seed)
            let plain = try ValidationSplit(count: 1_000, fraction: fraction, seed: seed)
            #expect(split.validation.count == plain.validation.count)
            #expect((split.train + split.validation).sorted() == (0..<1_000).map { Int32($0) })
            #expect(split.validation == split.validation.sorted())
            for (held, count) in zip(Self.counts(split.validation, labels), all) {
                let share = Double(count * split.validation.count) / 1_000
                #expect(abs(Double(held) - share) < 1)
            }
        }
        let splits = try (1...2).map { try ValidationSplit(labels: labels, fraction: fraction, seed: $0) }
        #expect((splits[0] == splits[1]) == (fraction == 0))
    }

    @Test func oneClassIsThePlainSplit() throws {
        let labels = [UInt8](repeating: 3, count: 100)
        #expect(
            try ValidationSplit(labels: labels, fraction: 0.3, seed: 9)
                == ValidationSplit(count: 100, fraction: 0.3, seed: 9))
        #expect(try ValidationSplit(labels: [], fraction: 0.3, seed: 9).train.isEmpty)
    }

    @Test(arguments: [2, 3, 5, 10, 100], [false, true])
    func foldsDivideAll(_ count: Int, _ isStratified: Bool) throws {
        let labels = (0..<103).map { UInt8($0 * $0 % 4) }
        let folds = try (1...count).map {
            try ValidationSplit(
                count: 103, fold: .init(number: $0, count: count), seed: 4, labels: isStratified ? labels : nil)
        }
        #expect(folds.flatMap(\.validation).sorted() == (0..<103).map { Int32($0) })
        for fold in folds {
            #expect((103 / count...103 / count + 1).contains(fold.validation.count))
            #expect((fold.train + fold.validation).sorted() == (0..<103).map { Int32($0) })
        }
        guard isStratified else { return }
        for label in 0..<4 {
            let held = folds.map { Self.counts($0.validation, labels)[label] }
            #expect(held.max()! - held.min()! <= 1)
        }
    }

    @Test func foldTexts() throws {
        #expect(ValidationSplit.Fold("2/5") == .init(number: 2, count: 5))
        for text in ["0/5", "6/5", "1/1", "2", "2/", "/5", "2/5/6", "a/b", "", "-1/5"] {
            #expect(ValidationSplit.Fold(text) == nil, "\(text)")
        }
        let failure = #expect(throws: Failure.self) {
            try ValidationSplit(count: 3, fold: .init(number: 1, count: 5), seed: 0)
        }
        #expect(failure?.kind == .usage)
    }
}
