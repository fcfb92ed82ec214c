import Errors
import KernelContract
import Kernels
import Models
import Tensors
import Testing
import Understanding

@Suite("Gradient check")
struct GradientCheckTests {
    @Test("every layer and loss passes, with every instruction set", arguments: KernelSelection.available)
    func everything(_ kernels: any KernelSet) throws {
        let report = try GradientCheck(kernels: kernels, seed: 1).everything()
        for row in report.rows { #expect(row.passed, "\(row)") }
        #expect(report.passed && report.rows.allSatisfy { $0.checked == $0.elements && $0.skipped == 0 })
        // Far below what it may be.
        #expect(report.rows.allSatisfy { $0.greatestRelativeError < report.tolerance / 16 })
    }

    @Test("other seeds pass too", arguments: [2, 3, 4, 5, 6] as [UInt64])
    func seeds(_ seed: UInt64) throws {
        let report = try GradientCheck(kernels: ReferenceKernels(), seed: seed).everything()
        #expect(report.passed, "\(report.rows.filter { !$0.passed })")
    }

    @Test("no layer, activation or loss is missing")
    func complete() {
        #expect(GradientCase.layers.map(\.name) == ModelText.layerNames)
        for (name, cases) in GradientCase.layers { #expect(!cases.isEmpty, "\(name)") }
        #expect(Set(GradientCase.losses.map(\.subject)) == Set(LossKind.allCases.map(\.rawValue)))
        // Each case is about the layer that it names.
        for (name, cases) in GradientCase.layers {
            for test in cases { #expect(ModelText.text(of: test.model).split(separator: " ").first == name[...]) }
        }
    }

    @Test("a model, tensor by tensor")
    func model() throws {
        let model = try ModelText.parse(
            "conv 3 3x3, gelu, maxpool 2, conv 2 2x2, relu, flatten, dropout 0.3, dense 6, tanh, dense 4")
        for loss in [LossDescription(), LossDescription(.meanAbsoluteError)] {
            let report = try GradientCheck(kernels: try #require(KernelSelection.available.first), seed: 3).model(
                model, inputShape: [8, 8], loss: loss, limit: 20)
            #expect(report.passed, "\(report.rows.filter { !$0.passed })")
            #expect(
                report.rows.map(\.what) == [
                    "0.weight", "0.bias", "3.weight", "3.bias", "7.weight", "7.bias", "9.weight", "9.bias", "input",
                ])
            #expect(report.rows[0].elements == 27 && report.rows[0].checked + report.rows[0].skipped == 20)
            #expect(report.rows[1].elements == 3)
        }
    }

    @Test(
        "values that several layers read",
        arguments: [
            "dense 4, residual { residual { dense 4, tanh } shortcut { dense 4, relu }, residual { dense 4, batchnorm } }",
            "dense 4, residual { residual { residual { dense 4 }, dense 4 }, dense 4 } shortcut { residual { tanh } }",
        ])
    func nestedBlocks(_ text: String) throws {
        let report = try GradientCheck(kernels: try #require(KernelSelection.available.first), seed: 1).model(
            ModelText.parse("\(text), layernorm, dense 3"), inputShape: [4], loss: LossDescription(), limit: 20)
        #expect(report.passed, "\(report.rows.filter { !$0.passed })")
    }

    // MARK: A check that cannot fail is none

    /// A dense layer whose backward pass is wrong in one number.
    struct Wrong: ReferenceLayer {
        enum Fault: CaseIterable { case none, input, weight, bias, notANumber }

        let fault: Fault
        let inputShape: Shape = [3]
        let outputShape: Shape = [2]
        let formula = LayerFormula(forward: "", backward: [])
        let right: any ReferenceLayer<Double>
        let layout: ParameterLayout

        init(_ fault: Fault) throws {
            self.fault = fault
            let network = try ReferenceNetwork<Double>([.dense(outputFeatures: 2)], inputShape: [3])
            right = network.chain.layers[0]
            layout = network.layout
        }

        func forward(_ x: [Double], parameters: [Double], batch: ReferenceBatch) -> [Double] {
            right.forward(x, parameters: parameters, batch: batch)
        }

        func backward(
            _ pass: ReferencePass<Double>, parameters: [Double], batch: ReferenceBatch, gradients: inout [Double]
        ) -> [Double] {
            var dx = right.backward(pass, parameters: parameters, batch: batch, gradients: &gradients)
            switch fault {
            case .none: break
            case .input: dx[4] *= 1 + 1e-4
            case .weight: gradients[layout.entries[0].range.lowerBound + 5] *= 1 + 1e-4
            case .bias: gradients[layout.entries[1].range.lowerBound] += 1e-4
            case .notANumber: gradients[layout.entries[1].range.lowerBound + 1] = .nan
            }
            return dx
        }
    }

    @Test("finds one wrong number", arguments: Wrong.Fault.allCases)
    func finds(_ fault: Wrong.Fault) throws {
        let layer = try Wrong(fault)
        let values = CheckValues(seed: 1)
        let problem = try DifferenceProblem(
            ReferenceNetwork(layers: [layer], layout: layer.layout, inputShape: [3], outputShape: [2]), loss: nil,
            values: values)
        let failed = problem.rows(limit: .max, values: values).filter { !$0.passed }
        switch fault {
        case .none: #expect(failed.isEmpty)
        case .input: #expect(failed.map(\.what) == ["input"] && failed[0].worst?.index == [1, 1])
        case .weight: #expect(failed.map(\.what) == ["0.weight"] && failed[0].worst?.index == [2, 1])
        case .bias: #expect(failed.map(\.what) == ["0.bias"] && failed[0].worst?.index == [0])
        case .notANumber:
            #expect(failed.map(\.what) == ["0.bias"] && failed[0].worst?.index == [1])
            #expect(failed[0].worst?.analytic == nil && failed[0].greatestRelativeError == .greatestFiniteMagnitude)
        }
    }

    /// A rectifier of `x − offset`.
    struct Shifted: ReferenceLayer {
        let inputShape: Shape = [3]
        let outputShape: Shape = [3]
        let formula = LayerFormula(forward: "", backward: [])
        let offset: [Double]

        func forward(_ x: [Double], parameters: [Double], batch: ReferenceBatch) -> [Double] {
            zip(x, offset).map { max($0 - $1, 0) }
        }

        func backward(
            _ pass: ReferencePass<Double>, parameters: [Double], batch: ReferenceBatch, gradients: inout [Double]
        ) -> [Double] { zip(pass.y, pass.dy).map { $0 > 0 ? $1 : 0 } }

        func branches(_ x: [Double], parameters: [Double], batch: ReferenceBatch) -> [Int] {
            zip(x, offset).map { $0 > $1 ? 1 : 0 }
        }
    }

    @Test("kinks are skipped and counted, near ones by a smaller step avoided, and too many fail")
    func kinks() throws {
        let values = CheckValues(seed: 1)
        let input = values.input([3]).map { Double($0) }
        /// With the first `count` kinks so far from the inputs.
        func row(_ count: Int, distance: Double) throws -> GradientReport.Row {
            let offset = input.enumerated().map { $0 < count ? $1 + distance : 0 }
            let problem = try DifferenceProblem(
                ReferenceNetwork(
                    layers: [Shifted(offset: offset)], layout: ParameterLayout(), inputShape: [3], outputShape: [3]),
                loss: nil, values: values)
            return problem.rows(limit: .max, values: values)[0]
        }
        let none = try row(0, distance: 0)
        #expect(none.passed && none.skipped == 0 && none.checked == 15)
        let near = try row(15, distance: 0x1p-18)
        #expect(near.passed && near.skipped == 0 && near.checked == 15)
        let some = try row(7, distance: 0x1p-21)
        #expect(some.passed && some.skipped == 7 && some.checked == 8)
        let most = try row(8, distance: -0x1p-21)
        #expect(!most.passed && most.skipped == 8 && most.failure == "kinks near 8 of 15 elements")
    }
}
