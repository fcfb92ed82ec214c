import Errors
import Tensors

/// One operation of a network, in the order in which they run: a layer, or the sum at the end of a residual block.
///
/// Values are numbered: 0 is the network's input, `index + 1` what operation `index` gives.
package struct Operation: Sendable {
    package enum Kind: Sendable {
        case layer(any Layer)
        /// Of the inputs, element by element.
        case sum
    }

    /// The layer's place in the model, such as `3`, or `3.0` inside of a residual block.
    package let name: String
    /// As the model text writes it.
    package let text: String
    package let kind: Kind
    package let inputs: [Int]
    package let outputShape: Shape

    package var layer: (any Layer)? {
        guard case .layer(let layer) = kind else { return nil }
        return layer
    }

    /// Blocks that the operation is inside of.
    package var depth: Int { name.filter { $0 == "." }.count }

    var memory: OutputMemory { layer?.memory ?? .own }
}

/// Turns a description into operations, shape by shape.
package struct NetworkBuilder {
    package private(set) var operations: [Operation] = []
    package private(set) var layout = ParameterLayout()
    private(set) var stateLayout = ParameterLayout()
    private var shapes: [Shape]

    /// The operations of a whole description.
    ///
    /// - Throws: `Failure(.data)` that names the layer where a shape does not fit.
    package init(_ description: [LayerDescription], inputShape: Shape) throws {
        shapes = [inputShape]
        do { _ = try append(description, to: 0) } catch let nested as NestedFailure { throw nested.failure }
    }

    /// Appends `parts` to the value `input` and returns the value that they give.
    private mutating func append(_ parts: [LayerDescription], to input: Int, prefix: String = "") throws -> Int {
        var value = input
        for (index, part) in parts.enumerated() {
            let name = "\(prefix)\(index)"
            do { value = try append(part, to: value, name: name) } catch let failure as NestedFailure {
                throw failure
            } catch let failure as Failure {
                throw NestedFailure(
                    failure: Failure(.data, "model: layer \(Self.place(name)) (\"\(part.text)\") \(failure.message)"))
            }
        }
        return value
    }

    private mutating func append(_ part: LayerDescription, to input: Int, name: String) throws -> Int {
        guard case .residual(let block) = part else {
            let layer = try part.layer(
                inputShape: shapes[input], name: name, index: operations.count, layout: &layout,
                stateLayout: &stateLayout)
            guard layout.floatCount < 1 << 40 else {
                throw Failure(.data, "makes \(layout.floatCount) parameters in all: make it smaller")
            }
            return add(
                Operation(
                    name: name, text: part.text, kind: .layer(layer), inputs: [input], outputShape: layer.outputShape))
        }
        // A value of its own, so that gradients are summed block by block: docs/NUMERICS.md.
        let begin = add(
            Operation(
                name: name, text: "residual", kind: .layer(Reshape(identity: shapes[input])), inputs: [input],
                outputShape: shapes[input]))
        let inner = try append(block.layers, to: begin, prefix: "\(name).")
        let shortcut = try append(block.shortcut, to: begin, prefix: "\(name).shortcut.")
        guard shapes[inner] == shapes[shortcut] else {
            throw Failure(
                .data,
                "gives \(shapes[inner]) but its shortcut gives \(shapes[shortcut]); they are added, so the shapes must be "
                    + "equal"
                    + (block.shortcut.isEmpty ? "; behind the block, \"shortcut { … }\" can change a shape" : ""))
        }
        return add(
            Operation(
                name: name, text: "residual sum", kind: .sum, inputs: [inner, shortcut], outputShape: shapes[inner]))
    }

    private mutating func add(_ operation: Operation) -> Int {
        operations.append(operation)
        shapes.append(operation.outputShape)
        return operations.count
    }

    /// Counted from 1 as people do: `3`, or `3.1` inside of a block.
    private static func place(_ name: String) -> String {
        name.split(separator: ".").map { part in Int(part).map { "\($0 + 1)" } ?? String(part) }.joined(separator: ".")
    }
}

/// A failure that names its layer already.
struct NestedFailure: Error {
    let failure: Failure
}
