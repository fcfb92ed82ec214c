import Errors

extension ModelFamilyOptions {
    private static let defaultHiddenSize = 128
    private static let greatestCount = 1_000

    /// The text of the model for samples of `inputFeatures` values and `outputFeatures` outputs.
    package func modelText(inputFeatures: Int, outputFeatures: Int) throws(ModelFamilyError) -> String {
        let family = try checkedFamily()
        return try layers(of: family, inputFeatures: inputFeatures, outputFeatures: outputFeatures)
            .joined(separator: ", ")
    }

    /// The family, its options checked for their presence only.
    package func checkedFamily() throws(ModelFamilyError) -> ModelFamily {
        guard let name = family else {
            throw ModelFamilyError(given[0], "needs a family (--family mlp, cnn or autoencoder)")
        }
        guard let family = ModelFamily(rawValue: name) else {
            throw ModelFamilyError("family", "\(name) is unknown; it may be mlp, cnn, autoencoder")
        }
        for option in given where !family.options.contains(option) {
            throw ModelFamilyError(option, "has no meaning for --family \(name)")
        }
        return family
    }

    private func layers(
        of family: ModelFamily, inputFeatures: Int, outputFeatures: Int
    ) throws(ModelFamilyError) -> [String] {
        switch family {
        case .mlp: return try hiddenPart(defaultLayers: 2) + ["dense \(outputFeatures)"]
        case .cnn: return try convolutionPart() + hiddenPart(defaultLayers: 1) + ["dense \(outputFeatures)"]
        case .autoencoder:
            let sizes = try hiddenSizes(defaultLayers: 1)
            let code = try sized(bottleneck ?? 32, .bottleneck)
            let output = try outputActivation.map { (text) throws(ModelFamilyError) in
                try checkedActivation(text, .outputActivation)
            }
            return try sizes.layers(hidden) + ["dense \(code)"] + sizes.reversed().layers(hidden)
                + ["dense \(inputFeatures)"] + (output.map { $0 == "identity" ? [] : [$0] } ?? [])
        }
    }

    private func hiddenPart(defaultLayers: Int) throws(ModelFamilyError) -> [String] {
        try hiddenSizes(defaultLayers: defaultLayers).layers(hidden)
    }

    private func hidden(_ size: Int) throws(ModelFamilyError) -> [String] { try part("dense \(size)") + dropoutPart() }

    private func convolutionPart() throws(ModelFamilyError) -> [String] {
        let kernel = try checkedKernel()
        let pool = self.pool ?? 2
        guard (1...Self.greatestCount).contains(pool) else {
            throw ModelFamilyError(.pool, "\(pool): a size from 1, which means none, is needed")
        }
        let channels = try convolutions.map { (text) throws(ModelFamilyError) in try parsedSizes(text, .convolutions) }
        return try (channels ?? [32, 64]).layers { (channels) throws(ModelFamilyError) in
            try part("conv \(channels) \(kernel)") + (pool == 1 ? [] : ["maxpool \(pool)"])
        }
    }

    /// A layer with weights, then normalization and activation.
    private func part(_ weights: String) throws(ModelFamilyError) -> [String] {
        let name = normalization ?? Normalization.none.rawValue
        guard let normalization = Normalization(rawValue: name) else {
            throw ModelFamilyError(.normalization, "\(name) is unknown; it may be none, batch, layer")
        }
        let activation = try checkedActivation(activation ?? "relu", .activation)
        return [weights] + (normalization.layerName.map { [$0] } ?? [])
            + (activation == "identity" ? [] : [activation])
    }

    private func dropoutPart() throws(ModelFamilyError) -> [String] {
        guard let dropout, dropout != 0 else { return [] }
        guard dropout > 0 && dropout < 1 else {
            throw ModelFamilyError(.dropout, "\(dropout): a probability from 0 to below 1 is needed")
        }
        return ["dropout \(dropout)"]
    }

    private func hiddenSizes(defaultLayers: Int) throws(ModelFamilyError) -> [Int] {
        let given = try hiddenSize.map { (text) throws(ModelFamilyError) in try parsedSizes(text, .hiddenSize) }
        let sizes = given ?? [Self.defaultHiddenSize]
        let count = hiddenLayers ?? (sizes.count == 1 ? defaultLayers : sizes.count)
        guard (0...Self.greatestCount).contains(count) else {
            throw ModelFamilyError(.hiddenLayers, "\(count): a number of layers from 0 to 1000 is needed")
        }
        if sizes.count == 1 { return [Int](repeating: sizes[0], count: count) }
        guard sizes.count == count else {
            throw ModelFamilyError(.hiddenLayers, "\(count): \(sizes.count) sizes are given by --hidden-size")
        }
        return sizes
    }

    private func parsedSizes(_ text: String, _ option: ModelFamilyOption) throws(ModelFamilyError) -> [Int] {
        var sizes: [Int] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = word.filter { !$0.isWhitespace }
            guard let size = Int(word) else {
                throw ModelFamilyError(option, "\"\(word)\": sizes with commas are needed, such as 256,128")
            }
            sizes.append(try sized(size, option))
        }
        return sizes
    }

    private func sized(_ size: Int, _ option: ModelFamilyOption) throws(ModelFamilyError) -> Int {
        guard (1...1_000_000).contains(size) else {
            throw ModelFamilyError(option, "\(size): a size from 1 to 1000000 is needed")
        }
        return size
    }

    private func checkedKernel() throws(ModelFamilyError) -> String {
        let kernel = kernelSize ?? "3"
        guard (try? ModelText.parse("conv 1 \(kernel)"))?.count == 1 else {
            throw ModelFamilyError(.kernelSize, "\"\(kernel)\": a kernel size is needed, such as 3 or 3x5")
        }
        return kernel
    }

    /// An activation with its number, such as `leaky-relu 0.2`.
    private func checkedActivation(_ text: String, _ option: ModelFamilyOption) throws(ModelFamilyError) -> String {
        let layers = (try? ModelText.parse(text)) ?? []
        switch layers.first {
        case .relu where layers.count == 1, .activation where layers.count == 1: return layers[0].text
        default:
            let names = LayerGrammar.activations.map(\.name)
            let near = Spelling.nearest(to: text, in: ["relu"] + names).map { "; did you mean \($0)?" } ?? ""
            throw ModelFamilyError(
                option, "\(text) is unknown; it may be relu, \(names.joined(separator: ", "))\(near)")
        }
    }
}

extension Sequence<Int> {
    fileprivate func layers(
        _ part: (Int) throws(ModelFamilyError) -> [String]
    ) throws(ModelFamilyError) -> [String] {
        var layers: [String] = []
        for size in self { layers += try part(size) }
        return layers
    }
}
