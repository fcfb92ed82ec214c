import Foundation

/// A trial as `sweep list --json` and `sweep best --top --json` tell it. Equal are two that came to the same, wherever and
/// after however many attempts.
struct ListedTrial: Decodable, Equatable {
    let number: Int
    let state: String
    let value: Double?
    let parametersSHA256: String?
    let reason: String?
    let folder: String
    let parameters: [String: Scalar]
    let history: [Double]
    let attempts: Int
    let group: Int?

    enum Scalar: Decodable, Equatable {
        case number(Double)
        case text(String)
        case null

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self =
                if container.decodeNil() { .null } else if let number = try? container.decode(Double.self) {
                    .number(number)
                } else { try .text(container.decode(String.self)) }
        }
    }

    static func == (a: Self, b: Self) -> Bool {
        (a.number, a.state, a.value, a.parametersSHA256, a.reason, a.folder)
            == (b.number, b.state, b.value, b.parametersSHA256, b.reason, b.folder)
            && (a.parameters, a.history) == (b.parameters, b.history)
    }
}

extension Workbench {
    /// What `sweep COMMAND FOLDER --json` tells.
    func trials(in folder: String, command: String = "list", _ options: [String] = []) throws -> [ListedTrial] {
        struct List: Decodable {
            let trials: [ListedTrial]
        }
        let result = try run(["sweep", command, folder, "--json"] + options)
        guard result.exitCode == 0 else { throw TestError("\(result)") }
        return try JSONDecoder().decode(List.self, from: Data(result.standardOutput.utf8)).trials
    }
}
