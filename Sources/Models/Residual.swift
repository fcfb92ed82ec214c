/// `residual { … }` gives `f(x) + x`, with f the layers in braces, and `residual { … } shortcut { … }` gives `f(x) + g(x)`
/// where the shape changes. He et al. 2016. Backward: `dx = dg + df`, each through its own layers.
package struct ResidualBlock: Hashable, Sendable {
    package let layers: [LayerDescription]
    /// Empty: the input itself.
    package let shortcut: [LayerDescription]

    package init(_ layers: [LayerDescription], shortcut: [LayerDescription] = []) {
        self.layers = layers
        self.shortcut = shortcut
    }

    var text: String {
        let text = "{ \(ModelText.text(of: layers)) }"
        return shortcut.isEmpty ? text : "\(text) shortcut { \(ModelText.text(of: shortcut)) }"
    }
}

extension LayerGrammar {
    static let residual = LayerGrammar(
        name: "residual", form: "residual { LAYERS } [shortcut { LAYERS }]"
    ) { words in
        let layers = try words.block("{ LAYERS }")
        let shortcut = words.accepts("shortcut") ? try words.block("{ LAYERS } behind \"shortcut\"") : []
        return .residual(ResidualBlock(layers, shortcut: shortcut))
    }
}
