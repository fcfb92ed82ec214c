/// The extents of a tensor, outermost first; row-major.
package struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    package let extents: [Int]

    package init(_ extents: [Int]) { self.extents = extents }
    package init(arrayLiteral elements: Int...) { extents = elements }

    package var elementCount: Int { extents.reduce(1, *) }
    package var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}
