import Errors
import Models
import Testing

@Suite("Models with named fields")
struct ModelDescriptionTests {
    /// At least one for each layer there is, with every field that it has.
    static let examples = [
        "dense 128", "relu", "conv 32 3x3", "conv 8 3x5 stride 2 padding 1", "conv 8 3x3 padding same", "maxpool 2",
        "maxpool 3 stride 2 padding 1", "maxpool 2x3 stride 1", "avgpool 2", "avgpool 3 stride 1", "global-avgpool",
        "conv-transpose 8 3x3 stride 2 padding 1", "reshape 7x7x32", "batchnorm", "layernorm", "softmax",
        "residual { dense 8, relu, residual { dense 8 } }",
        "residual { conv 4 3x3 stride 2 } shortcut { conv 4 1x1 stride 2, batchnorm }",
        "flatten", "dropout 0.25", "leaky-relu", "leaky-relu 0.2", "elu", "elu 0.5", "selu", "gelu", "silu", "sigmoid",
        "tanh", "softplus", "identity",
    ].filter { example in ModelText.layerNames.contains { example.split(separator: " ")[0] == $0 } }

    @Test func everyLayerHasAnExample() {
        for name in ModelText.layerNames {
            #expect(Self.examples.contains { $0.split(separator: " ")[0] == name }, "\(name)")
        }
    }

    @Test("a layer keeps its meaning from text to fields and back", arguments: examples)
    func roundTrip(text: String) throws {
        let layers = try ModelText.parse(text)
        let description = ModelDescription(layers)
        #expect(try ModelText.parse(description.modelText()) == layers, "\(description.yaml)")
    }

    @Test("fields have the names of the form")
    func fields() throws {
        let layers = try ModelText.parse("conv 8 3x5 stride 2 padding 1, relu, maxpool 2, dense 10, elu 0.5")
        #expect(
            ModelDescription(layers).yaml == """
                - conv: {channels: 8, kernel: 3x5, stride: 2, padding: 1}
                - relu
                - maxpool: 2
                - dense: 10
                - elu: 0.5
                """)
    }

    private static func layer(_ name: String, _ fields: (String, String)...) -> ModelDescription {
        .list([.mapping([.init(name, .mapping(fields.map { .init($0.0, .scalar($0.1)) }))])])
    }

    private static let refused: [(ModelDescription, String)] = [
        (
            layer("conv", ("channels", "8"), ("kernal", "3")),
            "model: layer 1 (conv): unknown field \"kernal\"; did you mean \"kernel\"?"
        ),
        (layer("conv", ("kernel", "3")), "model: layer 1 (conv): \"channels\" is missing, as in \"conv CHANNELS"),
        (layer("relu", ("slope", "3")), "model: layer 1 (relu): unknown field \"slope\" (it has none)"),
        (layer("rleu"), "model: layer 1: unknown layer \"rleu\"; did you mean \"relu\"?"),
        (.mapping([]), "model: a text or a list of layers is needed"),
        (.list([.list([])]), "model: layer 1 needs one name and its sizes"),
        (
            .list([.scalar("relu"), .mapping([.init("dense", .list([.mapping([])]))])]),
            "model: layer 2 (dense): a value is needed"
        ),
    ]

    @Test("what is wrong names the layer and the field", arguments: refused)
    func refuses(description: ModelDescription, fragment: String) {
        let failure = #expect(throws: Failure.self) { try description.modelText() }
        #expect(failure?.message.contains(fragment) == true, "\(failure?.message ?? "")")
    }

    @Test("extents may be a list, words may stay words")
    func spellings() throws {
        let list = ModelDescription.list([
            .mapping([
                .init(
                    "conv",
                    .mapping([.init("channels", .scalar("8")), .init("kernel", .list([.scalar("3"), .scalar("5")]))]))
            ]),
            .mapping([.init("Maxpool", .scalar("2 stride 1"))]), .mapping([.init("relu", .scalar(""))]),
            .mapping([.init("conv", .list([.scalar("4"), .scalar("3x3")]))]), .scalar("dense 10"),
        ])
        #expect(try list.modelText() == "conv 8 3x5, maxpool 2 stride 1, relu, conv 4 3x3, dense 10")
    }
}
