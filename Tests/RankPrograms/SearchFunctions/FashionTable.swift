import Foundation
import Sweeps

/// Tests/Fixtures/fashion-table.csv: the accuracy of 2,000 dense networks after one epoch of Fashion-MNIST, as
/// `lockstep sweep` trained them (Tests/Peers/fashion-table.yaml).
package struct FashionTable: Sendable {
    static let columns = "activation,hidden-layers,hidden-size,learning-rate,optimizer,testAccuracy"
    static let activations = ["sigmoid", "tanh", "relu", "elu", "gelu"]
    static let learningRates = ["0.0001", "0.0005", "0.003", "0.02", "0.1"]
    static let optimizers = ["sgd", "momentum", "rmsprop", "adam"]

    /// Of each row, in the order of the file: what stands in front of its last comma, and behind it. A training that
    /// diverged has nothing there and learned nothing: of ten classes it is right in a tenth.
    package let rows: [(configuration: String, accuracy: Double)]
    private let accuracies: [String: Double]

    package static let committed: FashionTable = {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = tests.appending(path: "Fixtures/fashion-table.csv").path
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            preconditionFailure("FashionTable: cannot read \(path)")
        }
        return FashionTable(text)
    }()

    private init(_ text: String) {
        let lines = text.split(separator: "\n").map(String.init)
        precondition(lines.first == Self.columns, "FashionTable: the columns are \(lines.first ?? "missing")")
        rows = lines.dropFirst().map { line in
            guard let comma = line.lastIndex(of: ",") else { preconditionFailure("FashionTable: no comma in \(line)") }
            let text = line[line.index(after: comma)...]
            guard let accuracy = text.isEmpty ? 0.1 : Double(text) else {
                preconditionFailure("FashionTable: no accuracy in \(line)")
            }
            return (String(line[..<comma]), accuracy)
        }
        accuracies = Dictionary(rows.map { ($0.configuration, $0.accuracy) }, uniquingKeysWith: { first, _ in first })
    }

    package subscript(configuration: String) -> Double {
        guard let accuracy = accuracies[configuration] else {
            preconditionFailure("FashionTable: there is no \(configuration)")
        }
        return accuracy
    }
}

extension SearchFunction {
    /// The error after one epoch. Sizes and learning rates are whole numbers that say which, so that for every
    /// program they have an order.
    static let fashion = SearchFunction(
        name: "fashion",
        space: SearchSpace([
            choice("activation", FashionTable.activations), whole("layers", 1, 5), whole("size", 4, 7),
            whole("rate", 0, 4), choice("optimizer", FashionTable.optimizers),
        ])
    ) { p in
        let rate = FashionTable.learningRates[Int(p.number("rate"))]
        return 1
            - FashionTable.committed[
                "\(p.text("activation")),\(p.text("layers")),\(1 << Int(p.number("size"))),\(rate),\(p.text("optimizer"))"
            ]
    }
}
