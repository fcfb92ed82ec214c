import Errors
import Training
import Yams

extension SweepDefinition {
    private static let ignored = [
        "program", "command", "project", "entity", "job", "image_uri", "controller", "apiVersion", "kind",
    ]
    private static let known =
        ["name", "description", "method", "metric", "run_cap", "parameters", "points"] + ignored

    /// - Parameter path: The file's name, for messages.
    /// - Throws: `Failure(.data)` with path and line.
    package init(yaml: String, path: String) throws {
        let root: Node?
        do { root = try Yams.compose(yaml: yaml) } catch let error as YamlError {
            throw Failure(.data, "\(path)\(error.place): not valid YAML: \(error.problem)")
        }
        guard case .mapping(let mapping) = root else {
            throw Failure(.data, "\(path): a sweep needs \"method: grid\" and \"parameters\"; see docs/SWEEPS.md")
        }
        for (key, value) in mapping {
            let line = key.mark.map { ":\($0.line)" } ?? ""
            do { try read(key.scalar?.string ?? "", value, path: path) } catch let failure as Failure {
                let isPlaced = failure.message.hasPrefix("\(path):")
                throw isPlaced ? failure : Failure(.data, "\(path)\(line): \(failure.message)")
            }
        }
        guard mapping["method"] != nil else { throw Failure(.data, "\(path): \"method: grid\" is missing") }
        guard !parameters.isEmpty else { throw Failure(.data, "\(path): \"parameters\" is missing or empty") }
        try refuseRepeated(parameters, path: path)
        for point in points { try refuseRepeated(point, path: path) }
    }

    private mutating func read(_ key: String, _ value: Node, path: String) throws {
        switch key {
        case "name": name = value.scalar?.string
        case "description": description = value.scalar?.string
        case "method": try Self.checkMethod(value)
        case "metric": metric = try Self.metric(value)
        case "run_cap":
            guard let cap = value.scalar.flatMap({ Int($0.string) }), cap >= 1 else {
                throw Failure(.data, "\"run_cap\" needs a whole number from 1")
            }
            runCap = cap
        case "parameters": parameters = try Self.parameters(value, group: "", path: path)
        case "points":
            guard case .sequence(let list) = value else {
                throw Failure(.data, "\"points\" needs a list of mappings, such as \"- {dropout: 0.2}\"")
            }
            points = try list.map { try Self.point($0, path: path) }
        case "early_terminate": throw Failure(.data, "early_terminate is not supported yet: a grid runs every trial")
        case _ where Self.ignored.contains(key): ignoredKeys.append(key)
        default:
            let near = Spelling.nearest(to: key, in: Self.known).map { "; did you mean \"\($0)\"?" } ?? ""
            throw Failure(.data, "unknown key \"\(key)\"\(near)")
        }
    }

    private static func checkMethod(_ value: Node) throws {
        switch value.scalar?.string {
        case "grid": return
        case "random", "bayes", "custom": throw Failure(.data, "method \(value.scalar!.string) comes later: use grid")
        default: throw Failure(.data, "\"method\" needs grid (random and bayes come later)")
        }
    }

    private static func metric(_ value: Node) throws -> Metric {
        guard case .mapping(let mapping) = value, let written = mapping["name"]?.scalar?.string else {
            throw Failure(.data, "\"metric\" needs a name, such as {name: testAccuracy, goal: maximize}")
        }
        let known = ["name", "goal", "target", "impute", "impute_while_running"]
        if let key = mapping.keys.first(where: { !known.contains($0.scalar?.string ?? "") }) {
            throw Failure(
                .data, "unknown key \"\(key.scalar?.string ?? "")\" of metric (known: \(known.joined(separator: ", ")))"
            )
        }
        guard let name = Metric.field(written) else {
            let near = Spelling.nearest(to: written, in: Metric.names).map { "; did you mean \($0)?" } ?? ""
            throw Failure(
                .data, "metric \"\(written)\" is unknown; it may be \(Metric.names.joined(separator: ", "))\(near)")
        }
        switch mapping["goal"]?.scalar?.string {
        case nil: return Metric(name: name, isMaximized: Metric.isMaximizedByDefault(name))
        case "maximize": return Metric(name: name, isMaximized: true)
        case "minimize": return Metric(name: name, isMaximized: false)
        case .some(let goal): throw Failure(.data, "metric goal \"\(goal)\": maximize or minimize is needed")
        }
    }

    private func refuseRepeated(_ parameters: [Parameter], path: String) throws {
        for (index, parameter) in parameters.enumerated() {
            guard let other = parameters[..<index].first(where: { $0.option == parameter.option }) else { continue }
            throw Failure(
                .data, "\(path): \"\(other.path)\" and \"\(parameter.path)\" are the same option, \(parameter.option)")
        }
    }
}
