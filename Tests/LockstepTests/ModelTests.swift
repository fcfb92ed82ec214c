import Lockstep
import Models
import Testing

@Suite("Models in Swift")
struct ModelTests {
    static let layers: [(layer: any ModelLayer, text: String)] = [
        (Dense(10), "dense 10"), (Convolution(32, kernel: 3), "conv 32 3x3"),
        (Convolution(8, kernel: KernelExtent(3, 5), stride: 2, padding: 1), "conv 8 3x5 stride 2 padding 1"),
        (Convolution(8, kernel: 3, padding: .same), "conv 8 3x3 padding same"), (MaxPool(2), "maxpool 2"),
        (MaxPool(3, stride: 2, padding: 1), "maxpool 3 stride 2 padding 1"),
        (MaxPool(KernelExtent(2, 3)), "maxpool 2x3 stride 2"), (AveragePool(2), "avgpool 2"),
        (AveragePool(3, stride: 1), "avgpool 3 stride 1"), (GlobalAveragePool(), "global-avgpool"),
        (Flatten(), "flatten"), (Dropout(0.25), "dropout 0.25"), (ReLU(), "relu"), (LeakyReLU(), "leaky-relu"),
        (LeakyReLU(slope: 0.2), "leaky-relu 0.2"), (ELU(), "elu"), (ELU(alpha: 0.5), "elu 0.5"), (SELU(), "selu"),
        (GELU(), "gelu"), (SiLU(), "silu"), (Sigmoid(), "sigmoid"), (Tanh(), "tanh"), (Softplus(), "softplus"),
        (Identity(), "identity"),
        (ConvolutionTranspose(8, kernel: 3, stride: 2, padding: 1), "conv-transpose 8 3x3 stride 2 padding 1"),
        (BatchNorm(), "batchnorm"), (LayerNorm(), "layernorm"), (Softmax(), "softmax"),
        (Reshape(height: 7, width: 7, channels: 8), "reshape 7x7x8"),
        (
            Residual {
                Dense(8)
                ReLU()
            }, "residual { dense 8, relu }"
        ),
        (
            Residual {
                Convolution(4, kernel: 3, stride: 2)
            } shortcut: {
                Convolution(4, kernel: 1, stride: 2)
                BatchNorm()
            }, "residual { conv 4 3x3 stride 2 } shortcut { conv 4 1x1 stride 2, batchnorm }"
        ),
    ].filter { layer in ModelText.layerNames.contains { layer.text.split(separator: " ")[0] == $0 } }

    /// Nothing can be said in one spelling only.
    @Test func everyLayerHasASwiftValue() throws {
        for name in ModelText.layerNames {
            #expect(Self.layers.contains { $0.text.split(separator: " ")[0] == name }, "\(name)")
        }
    }

    @Test func valuesMeanTheirTexts() throws {
        for (layer, text) in Self.layers {
            #expect(try ModelText.parse(layer.text) == ModelText.parse(text), "\(layer)")
        }
    }

    @Test func buildersCollectLayers() {
        let isDeep = true
        let model = Model {
            "conv 8 3x3, relu"
            for size in [32, 16] {
                Dense(size)
                Tanh()
            }
            if isDeep { Dropout(0.5) }
            Dense(10)
        }
        #expect(model.text == "conv 8 3x3, relu, dense 32, tanh, dense 16, tanh, dropout 0.5, dense 10")
        #expect(Model([Dense(4), ReLU()]).text == Model(text: "dense 4, relu").text)
    }

    @Test func summariesTellShapesAndRefuseWhatDoesNotFit() throws {
        let rows = try Model {
            Dense(4); ReLU(); Dense(2)
        }.summary(inputShape: [3, 3])
        #expect(rows.map(\.outputShape) == [[4], [4], [2]] && rows.map(\.parameterCount) == [40, 0, 10])
        let wrong = Model {
            Convolution(4, kernel: 5); Dense(2)
        }
        let error = #expect(throws: LockstepError.self) { try wrong.summary(inputShape: [3, 3]) }
        #expect(error?.exitCode == 65 && error?.message.contains("layer 1 (\"conv 4 5x5\")") == true)
        #expect(throws: LockstepError.self) { try Model(text: "dens 3").summary(inputShape: [3]) }
        #expect(throws: LockstepError.self) { try Model(text: "dense 3").summary(inputShape: []) }
    }
}
