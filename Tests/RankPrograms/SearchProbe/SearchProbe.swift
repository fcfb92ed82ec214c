import Foundation
import SearchFunctions
import Sweeps

// The samplers on functions that cost nothing, for Tests/Peers/search_quality.py:
//
//   SearchProbe [SEEDS]                      best values after 30 and 100 trials as JSON
//   SearchProbe time METHOD TRIALS COUNT     processor seconds of each suggestion after TRIALS trials, the median last
//
// LAG in the environment gives a lag other than 0, FUNCTIONS and METHODS a selection.
@main struct SearchProbe {
    static let budgets = [30, 100]

    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        switch words.first {
        case "time": time(words)
        default: run(seeds: words.first.flatMap(Int.init) ?? 20)
        }
    }

    static var environment: [String: String] { ProcessInfo.processInfo.environment }
    static func selection(_ name: String, _ all: [String]) -> [String] {
        environment[name].map { $0.split(separator: ",").map(String.init) } ?? all
    }

    static func run(seeds: Int) {
        let lag = environment["LAG"].flatMap(Int.init) ?? 0
        let names = selection("FUNCTIONS", SearchFunction.all.map(\.name))
        var lines: [String] = []
        for function in SearchFunction.all where names.contains(function.name) {
            var methods: [String] = []
            for name in selection("METHODS", ["random", "bayes", "tpe"]) {
                let method = SweepDefinition.Method(rawValue: name)!
                let rows = (0..<seeds).map { seed in
                    best(function, method, seed: UInt64(seed), lag: lag)
                }
                let parts = budgets.indices.map { index in
                    "\"\(budgets[index])\": [\(rows.map { String(format: "%.10g", $0[index]) }.joined(separator: ", "))]"
                }
                methods.append("  \"\(name)\": {\(parts.joined(separator: ", "))}")
                FileHandle.standardError.write(Data("\(function.name) \(name)\n".utf8))
            }
            lines.append("\"\(function.name)\": {\n\(methods.joined(separator: ",\n"))\n}")
        }
        print("{\n" + lines.joined(separator: ",\n") + "\n}")
    }

    /// The best value after each budget.
    static func best(_ function: SearchFunction, _ method: SweepDefinition.Method, seed: UInt64, lag: Int) -> [Double] {
        var search = Search(function.space, method: method, seed: seed, lag: lag)
        var best = Double.infinity
        var found: [Double] = []
        for trial in 1...budgets.max()! {
            guard let point = search.suggest() else { break }
            let values = Dictionary(
                function.space.values(at: point).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            let value = function.value(values)
            search.record(value)
            best = min(best, value)
            if budgets.contains(trial) { found.append(best) }
        }
        while found.count < budgets.count { found.append(best) }
        return found
    }

    static func time(_ words: [String]) {
        let method = SweepDefinition.Method(rawValue: words[1])!
        let function = SearchFunction.training
        var search = Search(function.space, method: .random, seed: 1, lag: 8)
        func value(_ point: SearchPoint) -> Double {
            function.value(
                Dictionary(function.space.values(at: point).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
        }
        for _ in 0..<Int(words[2])! { search.record(value(search.suggest()!)) }
        search.change(to: method)
        var seconds: [Double] = []
        for _ in 0..<Int(words[3])! {
            let start = processorSeconds()
            let point = search.suggest()!
            seconds.append(processorSeconds() - start)
            search.record(value(point))
        }
        print(seconds.map { String(format: "%.4f", $0) }.joined(separator: " "))
        print("median \(String(format: "%.4f", seconds.sorted()[seconds.count / 2])) s")
    }

    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
