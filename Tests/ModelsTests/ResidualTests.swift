import Errors
import Models
import Tensors
import Testing

@Suite("Blocks and the layers that change shapes")
struct ResidualTests {
    private static let dense = LayerDescription.dense(outputFeatures: 8)

    @Test(
        "what is written is read",
        arguments: [
            ("residual { dense 8 }", LayerDescription.residual(ResidualBlock([dense]))),
            ("Residual{DENSE 8,relu}", .residual(ResidualBlock([dense, .relu]))),
            (
                " residual  { dense 8 , residual { relu, dense 8 } } ",
                .residual(ResidualBlock([dense, .residual(ResidualBlock([.relu, dense]))]))
            ),
            (
                "residual { dense 8 } SHORTCUT { dense 8, tanh }",
                .residual(ResidualBlock([dense], shortcut: [dense, .activation(.init(.tanh))]))
            ),
            (
                "residual{relu}shortcut{residual{dense 8}shortcut{relu}}",
                .residual(ResidualBlock([.relu], shortcut: [.residual(ResidualBlock([dense], shortcut: [.relu]))]))
            ),
            (
                "conv-transpose 8 3x2 stride 2 padding 1",
                .convolutionTranspose(
                    ConvolutionDescription(outputChannels: 8, kernel: KernelSize(3, 2), stride: 2, padding: .zeros(1)))
            ),
            ("reshape 7x5x3", .reshape([7, 5, 3])), ("reshape 12", .reshape([12])), ("reshape 3x4", .reshape([3, 4])),
            ("batchnorm", .batchNorm), ("layernorm", .layerNorm), ("softmax", .softmax),
        ])
    func parses(text: String, expected: LayerDescription) throws {
        #expect(try ModelText.parse(text) == [expected])
        #expect(try ModelText.parse(expected.text) == [expected])
        #expect(try ModelText.parse("relu, \(text), relu") == [.relu, expected, .relu])
    }

    @Test(
        "what is wrong is named with its column",
        arguments: [
            ("residual", "\"residual\" at column 1 needs { LAYERS }, as in \"residual { LAYERS } [shortcut"),
            ("residual dense 8", "\"dense\" at column 10 is not layers in braces, such as { dense 64, relu }"),
            ("relu, residual { dense 8", "\"{\" at column 16 is not closed"),
            ("relu, residual { dense 8 } }", "\"}\" at column 28 closes nothing"),
            ("residual { dense 8, rleu }", "unknown layer \"rleu\" at column 21; did you mean \"relu\"?"),
            ("residual { }", "a layer is missing at column 11"),
            ("residual { relu, residual { dens 8 } }", "unknown layer \"dens\" at column 29"),
            ("residual { relu } shortcut", "needs { LAYERS } behind \"shortcut\""),
            ("residual { relu } shortcut { tanh 3 }", "unexpected \"3\" at column 35"),
            ("residual { relu } { relu }", "unexpected \"{ relu }\" at column 19"),
            ("dense 8 { relu }", "unexpected \"{ relu }\" at column 9"),
            ("{ relu }", "unknown layer \"{ relu }\" at column 1"),
            ("conv-transpose 8", "\"conv-transpose\" at column 1 needs SIZE"),
            ("conv-transpose 8 3 padding same", "\"same\" at column 28 is not a size from 0 to 1000"),
            ("reshape", "\"reshape\" at column 1 needs HEIGHTxWIDTHxCHANNELS"),
            ("reshape 7x7x", "\"7x7x\" at column 9 is not a shape such as 7x7x32"),
            ("reshape 2x2x2x2", "is not a shape"), ("reshape 0x7x1", "is not a shape"),
            ("batchnorm 8", "unexpected \"8\" at column 11"),
        ])
    func refuses(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try ModelText.parse(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    /// PyTorch's extents: (n − 1) · stride − 2 · padding + kernel.
    @Test(
        "output shapes",
        arguments: [
            ("conv-transpose 5 3", [4, 6, 2], [6, 8, 5]), ("conv-transpose 1 2 stride 2", [7, 7, 3], [14, 14, 1]),
            ("conv-transpose 2 4x3 stride 3 padding 1", [3, 2, 1], [8, 4, 2]), ("reshape 2x3x4", [24], [2, 3, 4]),
            ("reshape 24", [2, 3, 4], [24]), ("reshape 6x4", [2, 3, 4], [6, 4]), ("batchnorm", [2, 3, 4], [2, 3, 4]),
            ("layernorm", [7], [7]), ("softmax", [7], [7]),
            ("residual { conv 5 3 stride 2 padding 1 } shortcut { conv 5 1 stride 2 }", [5, 7, 3], [3, 4, 5]),
        ])
    func shapes(text: String, input: [Int], output: [Int]) throws {
        let network = try Network(ModelText.parse("\(text), dense 2"), inputShape: Shape(input), classCount: 2)
        #expect(network.operations[network.operations.count - 2].outputShape == Shape(output))
    }

    @Test(
        "shapes that do not fit name the layer and both shapes",
        arguments: [
            (
                "dense 8, residual { dense 9 }",
                "layer 2 (\"residual { dense 9 }\") gives [9] but its shortcut gives [8]; they are added, so the shapes must be "
                    + "equal; behind the block, \"shortcut { … }\" can change a shape"
            ),
            (
                "residual { dense 8 } shortcut { dense 9 }",
                "layer 1 (\"residual { dense 8 } shortcut { dense 9 }\") gives [8] but its shortcut gives [9]"
            ),
            ("dense 8, residual { dense 8, conv 4 3 }", "layer 2.2 (\"conv 4 3x3\") needs an image"),
            (
                "residual { flatten } shortcut { residual { flatten, maxpool 2 } }",
                "layer 1.shortcut.1.2 (\"maxpool 2\")"
            ),
            ("reshape 7x7x7", "layer 1 (\"reshape 7x7x7\") gives [7, 7, 7], 343 elements, but what comes in is [8, 9]"),
            ("dense 8, conv-transpose 4 3", "layer 2 (\"conv-transpose 4 3x3\") needs an image"),
            (
                "conv-transpose 4 3 padding 6",
                "would give [-2, -1, 4] for an input of [8, 9]: the padding 6 is too large"
            ),
            ("conv-transpose 1000000 1000", "would have 1000000000000 weights"),
        ])
    func misfits(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) {
            try Network(try ModelText.parse("\(text), dense 2"), inputShape: [8, 9], classCount: 2)
        }
        #expect(failure?.kind == .data)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test("names, stored shapes and the summary go into blocks")
    func names() throws {
        let network = try Network(
            ModelText.parse(
                "conv 4 1, residual { batchnorm, residual { conv-transpose 4 1x1 } } shortcut { conv 4 1 }, flatten, batchnorm, "
                    + "layernorm, dense 2"), inputShape: [3, 2, 5], classCount: 2)
        func shapes(_ layout: ParameterLayout) -> [String] { layout.entries.map { "\($0.name) \($0.storage.shape)" } }
        #expect(
            shapes(network.layout) == [
                "0.weight [4, 5, 1, 1]", "0.bias [4]", "1.0.weight [4]", "1.0.bias [4]", "1.1.0.weight [4, 4, 1, 1]",
                "1.1.0.bias [4]", "1.shortcut.0.weight [4, 4, 1, 1]", "1.shortcut.0.bias [4]", "3.weight [24]",
                "3.bias [24]", "4.weight [24]", "4.bias [24]", "5.weight [2, 24]", "5.bias [2]",
            ])
        #expect(
            shapes(network.stateLayout) == [
                "1.0.running_mean [4]", "1.0.running_var [4]", "3.running_mean [24]", "3.running_var [24]",
            ])
        let summary = ModelSummary(network)
        #expect(
            summary.rows.map(\.layer) == [
                "conv 4 1x1", "residual", "  batchnorm", "  residual", "    conv-transpose 4 1x1", "  residual sum",
                "    conv 4 1x1", "residual sum", "flatten", "batchnorm", "layernorm", "dense 2",
            ])
        #expect(summary.rows.map(\.parameters).reduce(0, +) == summary.parameters)
        #expect(summary.parameters == 24 + 8 + 20 + 20 + 48 + 48 + 50)
    }

    /// A flattened image is stored as PyTorch flattens it, channels first, wherever features meet it.
    @Test("features of a flattened image are stored channels first")
    func flattened() throws {
        let network = try Network(
            ModelText.parse("flatten, batchnorm, layernorm, dense 2"), inputShape: [2, 3, 4], classCount: 2)
        for entry in [network.layout.entries[0], network.layout.entries[2], network.stateLayout.entries[1]] {
            var order: [Int] = []
            entry.forEachStored { order.append($1) }
            #expect(order == (0..<4).flatMap { channel in (0..<6).map { $0 * 4 + channel } }, "\(entry.name)")
        }
    }
}
