import Errors
import Models

extension ModelSummary {
    /// A table of the layers, then the sums.
    var text: String {
        func shape(_ extents: [Int]) -> String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
        func amount(_ flops: Double) -> String { flops == 0 ? "" : grouped(Int(flops)) }
        let numberWidth = "\(rows.count)".count
        let names = rows.enumerated().map { index, row in
            Text.right("\(index + 1)", numberWidth) + "  " + row.layer
        }
        let nameWidth = max(5, names.map(\.count).max() ?? 0)
        let shapeWidth = max(12, (rows.map(\.outputShape) + [inputShape]).map { shape($0).count }.max() ?? 0)
        func line(_ name: String, _ output: String, _ parameters: String, _ flops: String, _ bytes: String) -> String {
            let columns = [Text.padded(name, nameWidth), Text.padded(output, shapeWidth)]
            let numbers = [Text.right(parameters, 10), Text.right(flops, 11), Text.right(bytes, 9)]
            let line = (columns + numbers).joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
        func size(_ byteCount: Int) -> String { byteCount == 0 ? "" : grouped(byteCount) }
        var lines = [
            line("layer", "output shape", "parameters", "FLOP", "bytes"),
            line("", shape(inputShape), "", "", size(4 * inputShape.reduce(1, *))),
        ]
        for (name, row) in zip(names, rows) {
            let parameters = row.parameters == 0 ? "" : grouped(row.parameters)
            lines.append(
                line(name, shape(row.outputShape), parameters, amount(row.flops), size(row.activationByteCount)))
        }
        lines.append(line("sum", "", grouped(parameters), amount(flops), ""))
        lines.append(
            "training: \(amount(trainingFlops)) FLOP and, with gradients, \(grouped(activationByteCount)) bytes a sample"
        )
        lines.append("parameters: \(kibibytes(parameterByteCount))")
        return lines.joined(separator: "\n")
    }

    private func kibibytes(_ byteCount: Int) -> String { "\(grouped((byteCount + 1_023) / 1_024)) KiB" }
}
