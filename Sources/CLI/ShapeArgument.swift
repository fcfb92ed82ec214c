import Errors
import Tensors

extension Shape {
    /// - Throws: `Failure(.usage)` where `argument` is no shape such as `28x28`.
    init(argument: String, option: String) throws {
        let words = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
        let extents = words.map { Int($0) ?? 0 }
        guard (1...3).contains(extents.count), extents.allSatisfy({ (1...1 << 20).contains($0) }) else {
            throw Failure(.usage, "--\(option) \(argument): a shape such as 784, 28x28 or 32x32x3 is needed")
        }
        self.init(extents)
    }
}
