import Errors
import KernelContract
import Models
import Tensors

/// Checks backward passes in Double against central differences, and the kernels' bits against the slow twins.
package struct GradientCheck {
    private let kernels: any KernelSet
    private let seed: UInt64

    package init(kernels: any KernelSet, seed: UInt64) {
        self.kernels = kernels
        self.seed = seed
    }

    /// Every layer of the model text, in several shapes, and every loss.
    package func everything() throws -> GradientReport {
        var rows: [GradientReport.Row] = []
        for (name, cases) in GradientCase.layers {
            if cases.isEmpty {
                var missing = GradientReport.Row(what: "\(name): nothing checks this layer")
                missing.failure = "no case"
                rows.append(missing)
            }
            rows += try cases.map(row)
        }
        return report(try rows + GradientCase.losses.map(row))
    }

    /// A model's tensors, one a row; the first row tells of the kernels.
    ///
    /// - Parameter limit: elements of each tensor that are compared.
    /// - Throws: `Failure(.data)` where model, shape and loss do not fit together.
    package func model(
        _ model: [LayerDescription], inputShape: Shape, loss: LossDescription, limit: Int
    ) throws -> GradientReport {
        let values = CheckValues(seed: seed)
        let agreement = try KernelAgreement(model, inputShape: inputShape, loss: loss, values: values)
        let problem = try DifferenceProblem(
            ReferenceNetwork(model, inputShape: inputShape), loss: loss, values: values)
        var rows = problem.rows(limit: limit, values: values)
        rows[0].kernelDifference = try agreement.difference(kernels)
        rows[0].failure = DifferenceProblem.failure(rows[0])
        return report(rows)
    }

    private func report(_ rows: [GradientReport.Row]) -> GradientReport {
        GradientReport(instructionSet: kernels.instructionSet.rawValue, seed: seed, rows: rows)
    }

    private func row(_ test: GradientCase) throws -> GradientReport.Row {
        let values = CheckValues(seed: seed)
        let problem = try DifferenceProblem(
            ReferenceNetwork(test.model, inputShape: test.inputShape), loss: test.loss, values: values)
        var sum = GradientReport.Row(what: test.title)
        for row in problem.rows(limit: .max, values: values) {
            sum.checked += row.checked
            sum.elements += row.elements
            sum.skipped += row.skipped
            sum.meet(row.worst, error: row.greatestRelativeError)
        }
        let (model, loss) = try trained(test)
        sum.kernelDifference = try KernelAgreement(model, inputShape: test.inputShape, loss: loss, values: values)
            .difference(kernels)
        sum.failure = DifferenceProblem.failure(sum)
        return sum
    }

    /// A network around the layer that can be trained: with parameters below it, so that the kernels must find the
    /// gradient at its input, and one dimension at the end.
    private func trained(_ test: GradientCase) throws -> (model: [LayerDescription], loss: LossDescription) {
        if let loss = test.loss { return (test.model, loss) }
        let extents = test.inputShape.extents
        let below: LayerDescription =
            extents.count == 1
            ? .dense(outputFeatures: extents[0])
            : .convolution(
                ConvolutionDescription(
                    outputChannels: extents.count == 3 ? extents[2] : 1, kernel: KernelSize(1, 1)))
        let model = [below] + test.model
        let output = try ReferenceNetwork<Float>(model, inputShape: test.inputShape).outputShape
        return (output.extents.count == 1 ? model : model + [.flatten], LossDescription(.meanSquaredError))
    }
}
