import KernelContract
import Kernels
import Models
import Tensors

/// A network of slow twins in Double with a number that it computes, and that number's gradient two ways: by the backward
/// pass, and by the central differences (L(θ + h) − L(θ − h)) / 2h. Why h and tolerance: docs/UNDERSTANDING.md.
package struct DifferenceProblem {
    package static let step = 0x1p-17
    /// Where a kink is near.
    static let smallStep = 0x1p-20
    package static let tolerance = 0x1p-20
    /// A gradient below this share of S, the sum of the sizes of L's terms, is compared with that share.
    static let floor = 0x1p-10

    enum Objective {
        /// `Σ weights · outputs`
        case weightedSum([Double])
        case loss(ReferenceLoss<Double>, labels: [UInt8], denominator: Double)
    }

    let network: ReferenceNetwork<Double>
    let batch: ReferenceBatch
    let objective: Objective
    let input: [Double]
    let parameters: [Double]

    /// - Throws: `Failure(.data)` where the loss does not fit.
    package init(_ network: ReferenceNetwork<Double>, loss: LossDescription?, values: CheckValues) throws {
        self.network = network
        let partition = values.partition
        batch = ReferenceBatch(partition, mode: values.mode)
        input = values.input(network.inputShape).map { Double($0) }
        parameters = values.parameters(network.layout).map { Double($0) }
        let outputs = network.outputShape.elementCount
        if let loss {
            let labels = values.labels(classCount: outputs)
            let denominator = try Loss(loss, outputCount: outputs).denominator(partition) { labels[$0] }
            objective = .loss(ReferenceLoss(loss, classCount: outputs), labels: labels, denominator: denominator)
        } else {
            objective = .weightedSum(values.outputWeights(values.sampleCount * outputs).map { Double($0) })
        }
    }

    /// L, the sum of its terms' sizes, and the side of each kink.
    private func evaluate(_ input: [Double], _ parameters: [Double]) -> (value: Double, size: Double, branches: [Int]) {
        let values = network.chain.forward(input, parameters: parameters, batch: batch)
        let outputs = values[values.count - 1]
        var branches = network.chain.branches(values, parameters: parameters, batch: batch)
        let terms: [Double]
        switch objective {
        case .weightedSum(let weights): terms = zip(outputs, weights).map { $0 * $1 }
        case .loss(let loss, let labels, let denominator):
            terms = loss.evaluate(outputs, labels: labels, denominator: denominator).losses.map { $0 / denominator }
            branches += loss.branches(outputs, labels: labels)
        }
        return (terms.reduce(0, +), terms.reduce(0) { $0 + $1.magnitude }, branches)
    }

    /// One tensor's name and shape, and where its elements lie among the parameters (nil: in the input).
    struct Tensor {
        let name: String
        let extents: [Int]
        let range: Range<Int>?
    }

    /// The parameters, layer by layer, and the input.
    var tensors: [Tensor] {
        network.layout.entries.map { Tensor(name: $0.name, extents: $0.shape.extents, range: $0.range) }
            + [Tensor(name: "input", extents: [batch.sampleCount] + network.inputShape.extents, range: nil)]
    }

    /// Parameters' gradients (flat) and the input's, by the backward pass.
    func analytic() -> (parameters: [Double], input: [Double]) {
        let pass = network.run(input, parameters: parameters, batch: batch) { outputs in
            switch objective {
            case .weightedSum(let weights): weights
            case .loss(let loss, let labels, let denominator):
                loss.evaluate(outputs, labels: labels, denominator: denominator).gradient
            }
        }
        return (pass.gradients, pass.valueGradients[0])
    }

    /// Compares each tensor, `limit` elements of it at most.
    package func rows(limit: Int, values: CheckValues) -> [GradientReport.Row] {
        let (parameterGradients, inputGradients) = analytic()
        let centre = evaluate(input, parameters)
        return tensors.enumerated().map { number, tensor in
            let count = tensor.range?.count ?? input.count
            var row = GradientReport.Row(what: tensor.name)
            row.elements = count
            for element in values.elements(of: count, limit: limit, tensor: number) {
                let place = (tensor.range?.lowerBound ?? 0) + element
                let analytic = tensor.range == nil ? inputGradients[place] : parameterGradients[place]
                guard let numeric = difference(tensor, place, centre.branches) else {
                    row.skipped += 1
                    continue
                }
                let difference = (analytic - numeric).magnitude
                let scale = max(analytic.magnitude, numeric.magnitude, Self.floor * centre.size)
                let error = difference == 0 ? 0 : difference / scale
                row.checked += 1
                row.meet(
                    .init(
                        tensor: tensor.name, index: Self.index(element, in: tensor.extents),
                        analytic: analytic.isFinite ? analytic : nil, numeric: numeric.isFinite ? numeric : nil),
                    error: error)
            }
            row.failure = Self.failure(row)
            return row
        }
    }

    /// (L(θ + h) − L(θ − h)) / 2h; with a smaller h where a kink lies between, and nil where it still does.
    private func difference(_ tensor: Tensor, _ place: Int, _ branches: [Int]) -> Double? {
        for step in [Self.step, Self.smallStep] {
            let ends = [step, -step].map { step in
                var (input, parameters) = (input, parameters)
                if tensor.range == nil { input[place] += step } else { parameters[place] += step }
                return evaluate(input, parameters)
            }
            // Both θ ± h are exact: θ is a Float.
            if ends.allSatisfy({ $0.branches == branches }) { return (ends[0].value - ends[1].value) / (2 * step) }
        }
        return nil
    }

    /// Why a row is no proof, if it is none. Kinks near most elements leave too few.
    static func failure(_ row: GradientReport.Row) -> String? {
        if let text = row.kernelDifference { return text }
        if !(row.greatestRelativeError <= tolerance) { return "the backward pass is not the derivative" }
        return row.checked > row.skipped ? nil : "kinks near \(row.skipped) of \(row.checked + row.skipped) elements"
    }

    private static func index(_ element: Int, in extents: [Int]) -> [Int] {
        var rest = element
        return extents.reversed().map { extent in
            defer { rest /= extent }
            return rest % extent
        }.reversed()
    }
}
