import Errors
import KernelContract
import Models
import Tensors
import Testing
import Understanding

@Suite("Explanation")
struct ExplanationTests {
    /// Published beside Mazur's example, to the last decimal that is given.
    static let published = [
        ("w1", "0.149780716"), ("w2", "0.19956143"), ("w3", "0.24975114"), ("w4", "0.29950229"), ("w5", "0.35891648"),
        ("w6", "0.408666186"), ("w7", "0.511301270"), ("w8", "0.561370121"),
    ]

    @Test("the textbook's network has its published values")
    func example() throws {
        let step = try PublishedExample.step()
        #expect((step.lossValue - 0.298_371_109).magnitude < 5e-10)
        #expect(step.outputs.count == 2)
        #expect(
            (step.outputs[0] - 0.751_365_07).magnitude < 5e-9 && (step.outputs[1] - 0.772_928_465).magnitude < 5e-10)
        for (name, value) in Self.published {
            let updated = step.updated[try #require(step.parameter(name))]
            let exact = try #require(Double(value))
            let half = value.count == 10 ? 5e-9 : 5e-10
            #expect((updated - exact).magnitude <= half, "\(name): \(updated)")
        }
        #expect(step.lossAfter < step.lossValue)
    }

    @Test("the text has the published values and fits into 80 columns")
    func text() throws {
        let step = try PublishedExample.step()
        var explanation = Explanation(step)
        explanation.comparePublished(step)
        for text in [explanation.text, explanation.markdown] {
            for value in Self.published.map(\.1) + ["0.298371109"] { #expect(text.contains(value), "\(value)") }
            #expect(!text.contains("DIFFERS") && text.components(of: "agrees") == 9)
        }
        for line in explanation.text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        for part in ["w5⁺ = w5 − η · dL/dw5 = 0.4 − 0.5 · 0.082167041 = 0.358916480", "a · (1 − a)", "L1 + L2"] {
            #expect(explanation.text.contains(part), "\(part)")
        }
        #expect(explanation.markdown.hasPrefix("# ") && explanation.markdown.components(of: "```") % 2 == 0)
    }

    /// Every kind of layer, and every loss, in networks that are small enough.
    static let models: [(String, Shape)] = [
        ("dense 3, relu, dense 2", [4]), ("conv 2 2x2, gelu, maxpool 2 stride 1, dropout 0.3, dense 3, silu", [3, 4]),
        ("conv 1 3x3 padding same, elu 0.5, avgpool 2, flatten, dense 3", [4, 4]),
        ("conv 3 1x1, selu, global-avgpool, dense 3, softplus, dense 2, leaky-relu, identity, tanh", [2, 2]),
    ]

    @Test("gradients of any small network are the differences of its loss", arguments: models)
    func gradients(_ text: String, _ shape: Shape) throws {
        let model = try ModelText.parse(text)
        let input = (0..<shape.elementCount).map { Double($0 * 7 % 11) / 8 - 0.6 }
        let network = try Network(model, inputShape: shape, classCount: nil)
        let weights = (0..<network.layout.parameterCount).map { Double($0 * 5 % 13) / 16 - 0.3 }
        let targets = (0..<network.outputCount).map { 0.1 + Double($0) / 3 }
        let losses: [(ExplainedLoss?, ExplainedStep.Target)] = [
            (nil, .values(targets)), (nil, .label(1)), (.kind(.meanSquaredError), .values(targets)),
            (.kind(.meanAbsoluteError), .values(targets)), (.kind(.binaryCrossEntropy), .values(targets)),
            (.kind(.binaryCrossEntropy), .label(0)),
        ]
        for (loss, target) in losses {
            func step(_ weights: [Double]) throws -> ExplainedStep {
                try ExplainedStep(
                    model, inputShape: shape, input: input, target: target, loss: loss, learningRate: 0.25,
                    parameters: weights, seed: 5)
            }
            let explained = try step(weights)
            // Weights of dense layers and biases, as they are numbered.
            let order = explained.network.layout.entries.flatMap { entry in
                var indices: [Int] = []
                entry.forEachStored { indices.append(entry.range.lowerBound + $1) }
                return indices
            }
            for (number, index) in order.enumerated() {
                var (above, below) = (weights, weights)
                above[number] += 1e-6
                below[number] -= 1e-6
                let slope = (try step(above).lossValue - step(below).lossValue) / 2e-6
                #expect((explained.gradients[index] - slope).magnitude < 1e-8, "\(explained.names[index] ?? "")")
                #expect(explained.updated[index] == weights[number] - 0.25 * explained.gradients[index])
            }
            let explanation = Explanation(explained)
            for line in explanation.text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
            // Nothing is left out.
            for name in explained.names.compactMap({ $0 }) {
                #expect(explanation.text.contains("\n  dL/d\(name) "), "\(name)")
                #expect(explanation.text.contains("\n  \(name)⁺ ="), "\(name)")
            }
        }
    }

    @Test("refusals say what is wrong")
    func refusals() throws {
        func message(
            _ model: String, _ shape: Shape, _ input: [Double], _ target: ExplainedStep.Target,
            loss: ExplainedLoss? = nil, weights: [Double]? = nil
        ) throws -> String {
            let model = try ModelText.parse(model)
            let failure = #expect(throws: Failure.self) {
                try ExplainedStep(
                    model, inputShape: shape, input: input, target: target, loss: loss, learningRate: 0.5,
                    parameters: weights, seed: 1)
            }
            #expect(failure?.kind == .data)
            return failure?.message ?? ""
        }
        #expect(try message("dense 100, dense 2", [2], [1, 2], .label(0)).contains("502 parameters"))
        #expect(try message("dense 100, dense 2", [2], [1, 2], .label(0)).contains("at most 200"))
        #expect(
            try message("avgpool 1, conv 1 1x1, dense 1", [12, 12], (0..<144).map { Double($0) }, .label(0)).contains(
                "433"))
        #expect(try message("dense 2", [2], [1, 2, 3], .label(0)).contains("3 inputs"))
        #expect(try message("dense 2", [2], [1, 2], .label(2)).contains("class 2 of 2"))
        #expect(try message("dense 2", [2], [1, 2], .values([1])).contains("1 targets for 2 outputs"))
        #expect(try message("dense 2", [2], [1, 2], .label(0), weights: [1]).contains("0.weight [2, 2], 0.bias [2]"))
        #expect(try message("dense 2", [2], [1, 2], .values([0, 1]), loss: .kind(.crossEntropy)).contains("class"))
        #expect(try message("relu", [2], [1, 2], .label(0)).contains("no layer with parameters"))
    }

    @Test("numbers")
    func numbers() {
        for (value, text) in [
            (0.15, "0.15"), (0, "0"), (1, "1"), (-2.5, "-2.5"), (1.0 / 3, "0.333333333"), (0.1 + 0.2, "0.3"),
            (1e-7 / 3, "3.33333333e-08"), (.infinity, "∞"), (.nan, "not a number"),
        ] as [(Double, String)] { #expect(Numbers.text(value) == text) }
    }
}

extension String {
    /// How often `part` occurs.
    fileprivate func components(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}
