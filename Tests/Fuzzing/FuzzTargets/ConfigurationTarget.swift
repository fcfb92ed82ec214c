import Errors
import Training

extension FuzzTarget {
    /// Configurations, by libyaml: the text, and what its options mean.
    static let yaml = FuzzTarget(
        name: "yaml", memoryAllowance: 64 << 20,
        read: { file, measure in
            let text = String(decoding: file, as: UTF8.self)
            var options: TrainingOptions?
            measure { options = answer { try TrainingOptions(yaml: text, path: "a") } }
            guard var options else { return }
            // No data are read, which a family of models would ask for.
            options.family = .init()
            measure {
                guard let configuration = answer(kinds: [.data, .usage], { try options.resolved() }) else { return }
                let again = answer { try TrainingOptions(yaml: configuration.yaml, path: "a") }
                guard let same = again.flatMap({ options in answer { try options.resolved() } }),
                    same.yaml == configuration.yaml
                else { fatalError("a configuration reads back as another one:\n\(configuration.yaml)") }
            }
        }, mutate: { file, _, change in change(&file) })
}
