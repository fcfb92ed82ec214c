import Errors
import Models
import Testing

@Suite("Settings of single layers")
struct LayerSettingsTests {
    private static let model =
        "conv 4 2, batchnorm, relu, residual { conv 4 1, relu } shortcut { conv 4 1 }, dense 5, dense 3"

    private func settings(_ text: String) throws -> [String: TensorSettings] {
        let network = try Network(
            ModelText.parse(Self.model), inputShape: [4, 4], classCount: 3, settings: LayerSettings(text))
        return Dictionary(uniqueKeysWithValues: zip(network.layout.entries.map(\.name), network.settings))
    }

    @Test(
        "a pattern meets places, kinds and tensors",
        arguments: [
            ("0", ["0.weight", "0.bias"]), ("4.bias", ["4.bias"]),
            ("dense", ["4.weight", "4.bias", "5.weight", "5.bias"]),
            ("dense.weight", ["4.weight", "5.weight"]), ("batchnorm", ["1.weight", "1.bias"]),
            ("3.0", ["3.0.weight", "3.0.bias"]), ("3.shortcut.0.weight", ["3.shortcut.0.weight"]),
            ("3.*", ["3.0.weight", "3.0.bias", "3.shortcut.0.weight", "3.shortcut.0.bias"]),
            ("conv.bias", ["0.bias", "3.0.bias", "3.shortcut.0.bias"]),
            ("*short*bias", ["3.shortcut.0.bias"]), ("5.w*t", ["5.weight"]),
            ("*.bias", ["0.bias", "1.bias", "3.0.bias", "3.shortcut.0.bias", "4.bias", "5.bias"]),
        ])
    func patterns(pattern: String, tensors: [String]) throws {
        let settings = try settings("\(pattern): learning-rate 0.5, weight-decay 0, frozen")
        #expect(Set(settings.filter { $0.value.isFrozen }.keys) == Set(tensors))
        #expect(Set(settings.filter { $0.value.learningRate == 0.5 }.keys) == Set(tensors))
        #expect(Set(settings.filter { $0.value.weightDecay == 0 }.keys) == Set(tensors))
    }

    @Test("a later rule counts, setting by setting")
    func order() throws {
        let settings = try settings(
            "*: frozen, learning-rate 0.1; dense: trained; 5.bias: learning-rate 0.2; 5: init zeros")
        #expect(settings["0.weight"]?.isFrozen == true && settings["4.weight"]?.isFrozen == false)
        #expect(settings["4.bias"]?.learningRate == 0.1 && settings["5.bias"]?.learningRate == 0.2)
        #expect(settings["5.weight"]?.initializer == .zeros && settings["5.bias"]?.initializer == nil)
    }

    @Test(
        "what is written is read",
        arguments: [
            "0: learning-rate 0.01", "2.bias: weight-decay 0; dense: frozen", " * : trained ,init orthogonal 2.0",
            "conv*.weight: learning-rate 1e-3, weight-decay 0.5, init kaiming-normal, frozen; *: trained",
        ])
    func readBack(text: String) throws {
        let settings = try LayerSettings(text)
        #expect(try LayerSettings(settings.text) == settings)
        #expect(try LayerSettings(settings.text).text == settings.text)
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("", "a rule is written \"PATTERN: SETTING, …\""), ("0 learning-rate 1", "a rule is written"),
            ("0: frozen;", "a rule is written"), ("0 1: frozen", "a rule is written"),
            (": frozen", "a rule is written"),
            ("0:", "\"\" is no setting"), ("0: frozen,", "\"\" is no setting"),
            ("0: frozen 1", "\"frozen 1\" is no setting"),
            ("0: speed 3", "\"speed 3\" is no setting; it may be learning-rate NUMBER"),
            ("0: learning-rate", "\"learning-rate\" needs one number"), ("0: learning-rate 0", "needs one number"),
            ("0: learning-rate inf", "needs one number"), ("0: weight-decay -1", "\"weight-decay\" needs one number"),
            ("0: weight-decay 1 2", "needs one number"), ("0: init xavier", "init \"xavier\" is unknown"),
        ])
    func refuses(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try LayerSettings(text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test(
        "rules that do nothing are refused",
        arguments: [
            ("7: frozen", "\"7\" meets no tensor of the model (0.weight, 0.bias, 1.weight"),
            ("relu: frozen", "\"relu\" meets no tensor"), ("3: frozen", "\"3\" meets no tensor"),
            ("*: frozen", "all parameters are frozen"),
            ("*.bias: init normal", "\"*.bias\" meets no weight that is drawn"),
            ("batchnorm: init normal", "\"batchnorm\" meets no weight that is drawn"),
        ])
    func meetsNothing(text: String, fragment: String) {
        let failure = #expect(throws: Failure.self) { try settings(text) }
        #expect(failure?.kind == .data)
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }
}
