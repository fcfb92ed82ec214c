import Errors
import Randomness

/// The samples of a train part, divided once for a whole run. Both lists ascend.
package struct ValidationSplit: Sendable, Equatable {
    package let train: [Int32]
    package let validation: [Int32]

    package init(train: [Int32], validation: [Int32]) {
        (self.train, self.validation) = (train, validation)
    }

    /// The first `fraction · count` (rounded down) entries of the permutation keyed by (`seed`, validationSplit) are
    /// the validation part.
    package init(count: Int, fraction: Double, seed: UInt64) throws {
        guard fraction >= 0 && fraction < 1 else {
            throw Failure(.usage, "a validation split of \(fraction) is outside 0 to below 1; 0.2 holds out a fifth")
        }
        // `nextUp`: 0.29 · 100 is a hair below 29 in Double, but means 29.
        let validationCount = min(Int((fraction * Double(count)).nextUp), max(count - 1, 0))
        var isHeldOut = [Bool](repeating: false, count: count)
        let order = permutation(count: count, random: KeyedRandom(seed: seed, purpose: .validationSplit))
        for index in order.prefix(validationCount) { isHeldOut[Int(index)] = true }
        let indices = (0..<count).map { Int32($0) }
        train = indices.filter { !isHeldOut[Int($0)] }
        validation = indices.filter { isHeldOut[Int($0)] }
    }
}
