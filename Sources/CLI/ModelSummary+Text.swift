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
        func line(_ name: String, _ output: String, _ parameters: String, _ flops: String) -> String {
            let columns = [Text.padded(name, nameWidth), Text.padded(output, shapeWidth)]
            let line = (columns + [Text.right(parameters, 12), Text.right(flops, 14)]).joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
        var lines = [line("layer", "output shape", "parameters", "FLOP a sample"), line("", shape(inputShape), "", "")]
        for (name, row) in zip(names, rows) {
            let parameters = row.parameters == 0 ? "" : grouped(row.parameters)
            lines.append(line(name, shape(row.outputShape), parameters, amount(row.flops)))
        }
        lines.append(line("sum", "", grouped(parameters), amount(flops)))
        lines.append("training \(amount(trainingFlops)) FLOP a sample; memory \(kibibytes(parameterByteCount)) for the")
        lines.append("parameters and \(kibibytes(activationByteCount)) for each sample of a worker's part of a batch")
        return lines.joined(separator: "\n")
    }

    private func kibibytes(_ byteCount: Int) -> String { "\(grouped((byteCount + 1_023) / 1_024)) KiB" }
}
