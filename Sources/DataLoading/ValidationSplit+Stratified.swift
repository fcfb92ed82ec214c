import Errors
import Randomness

extension ValidationSplit {
    /// As `init(count:fraction:seed:)`, with the same share of every class held out: of each class its first samples in
    /// the permutation. Where shares are not whole, the classes with the greatest remainders give one more (of equal
    /// ones the first), so that the total is that of the plain split.
    package init(labels: [UInt8], fraction: Double, seed: UInt64) throws {
        let plain = try ValidationSplit(count: labels.count, fraction: fraction, seed: seed)
        var shares = Self.shares(of: labels, total: plain.validation.count)
        var isHeldOut = [Bool](repeating: false, count: labels.count)
        let random = KeyedRandom(seed: seed, purpose: .validationSplit)
        for index in permutation(count: labels.count, random: random) where shares[Int(labels[Int(index)])] > 0 {
            shares[Int(labels[Int(index)])] -= 1
            isHeldOut[Int(index)] = true
        }
        self.init(isHeldOut: isHeldOut)
    }

    /// Fold `fold` of `foldCount` is the validation part: each sample is held out by exactly one fold, and their sizes
    /// differ by one at most. With `labels`, so do the counts of every class.
    package init(count: Int, fold: Fold, seed: UInt64, labels: [UInt8]? = nil) throws {
        guard fold.count <= count else {
            throw Failure(.usage, "--fold \(fold): \(grouped(count)) samples cannot make \(fold.count) folds")
        }
        precondition(labels.map { $0.count == count } ?? true, "ValidationSplit: \(count) samples, other labels")
        var order = permutation(count: count, random: KeyedRandom(seed: seed, purpose: .validationSplit))
        if let labels {
            // Class by class, each in the permutation's order: every foldCount-th sample of this list is one fold's.
            var byClass = [[Int32]](repeating: [], count: 256)
            for index in order { byClass[Int(labels[Int(index)])].append(index) }
            order = byClass.flatMap { $0 }
        }
        var isHeldOut = [Bool](repeating: false, count: count)
        for place in stride(from: fold.number - 1, to: count, by: fold.count) { isHeldOut[Int(order[place])] = true }
        self.init(isHeldOut: isHeldOut)
    }

    /// `2/5`: the second of five.
    package struct Fold: Sendable, Equatable, CustomStringConvertible {
        package let number: Int
        package let count: Int

        package init(number: Int, count: Int) {
            precondition(count >= 2 && (1...count).contains(number), "Fold: \(number)/\(count)")
            (self.number, self.count) = (number, count)
        }

        package init?(_ text: String) {
            let words = text.split(separator: "/", omittingEmptySubsequences: false)
            guard words.count == 2, let number = Int(words[0]), let count = Int(words[1]), count >= 2,
                (1...count).contains(number)
            else { return nil }
            self.init(number: number, count: count)
        }

        package var description: String { "\(number)/\(count)" }
    }

    init(isHeldOut: [Bool]) {
        let indices = isHeldOut.indices.map { Int32($0) }
        self.init(
            train: indices.filter { !isHeldOut[Int($0)] }, validation: indices.filter { isHeldOut[Int($0)] })
    }
}
