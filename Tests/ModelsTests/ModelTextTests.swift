import Errors
import Models
import Testing

@Suite("Model text")
struct ModelTextTests {
    @Test(
        "what is written is read",
        arguments: [
            ("dense 10", [LayerDescription.dense(outputFeatures: 10)]),
            ("leaky-relu, leaky-relu 0.01", [.activation(.init(.leakyReLU)), .activation(.init(.leakyReLU))]),
            ("Leaky-ReLU 0.2", [.activation(.init(.leakyReLU, constant: 0.2))]),
            ("elu 1.5, tanh", [.activation(.init(.elu, constant: 1.5)), .activation(.init(.tanh))]),
            ("dropout 0.2, dropout 0", [.dropout(probability: 0.2), .dropout(probability: 0)]),
            (" Dense  128 ,RELU,dense\t10", [.dense(outputFeatures: 128), .relu, .dense(outputFeatures: 10)]),
        ])
    func parses(text: String, expected: [LayerDescription]) throws {
        let layers = try ModelText.parse(text)
        #expect(layers == expected)
        #expect(try ModelText.parse(ModelText.text(of: layers)) == layers)
    }

    @Test(
        "what is wrong is named with its column",
        arguments: [
            ("", "a layer is missing at column 1"),
            ("dense 10,", "a layer is missing at column 10"),
            ("dense 10, , relu", "a layer is missing at column 10"),
            ("dense 128, rleu", "unknown layer \"rleu\" at column 12; did you mean \"relu\"?"),
            ("dens 10", "unknown layer \"dens\" at column 1; did you mean \"dense\"?"),
            ("attention 8", "unknown layer \"attention\" at column 1 (known: dense, relu, "),
            ("dense", "\"dense\" at column 1 needs SIZE, as in \"dense SIZE\""),
            ("relu, dense ten", "\"ten\" at column 13 is not a size"),
            ("dense 0", "\"0\" at column 7 is not a size"),
            ("dense -5", "\"-5\" at column 7 is not a size"),
            ("dense 99999999999999999999", "is not a size"),
            ("dense 128 relu", "unexpected \"relu\" at column 11; is a comma missing?"),
            ("dropout 1", "\"1\" at column 9 is not a probability from 0 to below 1"),
            ("dropout", "needs PROBABILITY, as in \"dropout PROBABILITY\""),
            ("leaky-relu -1", "unexpected \"-1\" at column 12"),
            ("tanh 2", "unexpected \"2\" at column 6"),
            ("relu 5", "unexpected \"5\" at column 6"),
        ])
    func refuses(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try ModelText.parse(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test("shapes that do not fit name the layer")
    func shapes() throws {
        let failure = #expect(throws: Failure.self) {
            try Network(try ModelText.parse("dense 128, relu, dense 12"), inputShape: [28, 28], classCount: 10)
        }
        #expect(failure?.kind == .data)
        #expect(failure?.message.contains("layer 3 (\"dense 12\") gives [12]") == true, "\(failure?.message ?? "")")
        #expect(throws: Failure.self) { try Network([.relu], inputShape: [10], classCount: 10) }
        #expect(throws: Failure.self) { try Network([], inputShape: [28, 28], classCount: 10) }
    }
}
