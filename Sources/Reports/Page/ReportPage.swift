import DataLoading
import Errors
import Foundation
import KernelContract
import Sweeps
import Training

/// What a page is made of.
package struct ReportOptions: Sendable {
    /// Of all runs, instead of their own.
    package var dataset: String?
    package var dataDirectory: String?
    /// A trace of phases, instead of the run's own.
    package var trace: String?
    /// Of a page that asks its server for another version: of the folders' files.
    package var liveVersion: String?
    package let kernels: any KernelSet

    package init(kernels: any KernelSet) { self.kernels = kernels }

    /// A page that must slow nothing: what goes on is not scored, and what is takes one thread.
    var isLive: Bool { liveVersion != nil }
}

/// The page of a run, of several, or of a sweep. The same files give the same bytes.
package struct ReportPage: Sendable {
    package let html: String
    /// Of a classifier's run: what it takes each test image for.
    package let predictions: ClassifiedSamples?

    /// - Throws: As `Subject`. What is damaged is told on the page.
    package init(_ paths: [String], options: ReportOptions) throws {
        var memory = PageMemory()
        try self.init(paths, options: options, memory: &memory)
    }

    /// - Parameter memory: Of earlier pages of the same folders.
    package init(_ paths: [String], options: ReportOptions, memory: inout PageMemory) throws {
        let data = ReportData(options)
        switch try Subject(paths) {
        case .sweep(let path):
            html = SweepPage(path, liveVersion: options.liveVersion, memory: &memory).html
            predictions = nil
        case .run(let path):
            let page = RunPage(path, options: options, data: data, memory: &memory)
            (html, predictions) = (page.html, page.samples)
        case .runs(let paths):
            html = ComparisonPage(paths, options: options, data: data, memory: &memory).html
            predictions = nil
        }
    }
}

extension ReportPage {
    /// What a page is of.
    package enum Subject: Sendable {
        case run(String)
        case runs([String])
        case sweep(String)
    }
}

extension ReportPage.Subject {
    /// - Throws: `Failure` where a folder holds neither a run nor a sweep, or where a sweep is not alone.
    package init(_ paths: [String]) throws {
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                throw Failure(.inputNotFound, "\(path): no such folder; name that of a run or of a sweep")
            }
            guard isFolder.boolValue else {
                throw Failure(.data, "\(path): is a file; name the folder of a run or of a sweep")
            }
        }
        let sweeps = paths.filter { FileManager.default.fileExists(atPath: "\($0)/sweep.yaml") }
        if let sweep = sweeps.first {
            guard paths.count == 1 else {
                throw Failure(
                    .usage, "\(sweep) is a sweep, which has a page of its own: name it alone, or trials' folders")
            }
            self = .sweep(sweep)
            return
        }
        if let other = paths.first(where: { !RunFolder.isRun($0) }) {
            throw Failure(.inputNotFound, "\(other): holds neither a run (config.yaml, …) nor a sweep (sweep.yaml)")
        }
        self = paths.count == 1 ? .run(paths[0]) : .runs(paths)
    }
}

/// Data sets that several runs share.
final class ReportData {
    private let options: ReportOptions
    private var loaded: [(key: [String?], data: Result<ImageDataset, Failure>)] = []

    init(_ options: ReportOptions) { self.options = options }

    /// The data of a run's test set, or why they are not there.
    func dataset(of run: RunFolder) throws(Failure) -> ImageDataset {
        let given = run.options
        guard let name = options.dataset ?? given?.dataset ?? run.summary?.dataset else {
            throw Failure(.data, "the run does not say its data set; name one by --dataset")
        }
        // Of another table than the run's own all rows are scored.
        let isOwn = options.dataset.map { $0 == given?.dataset } ?? true
        var table = given?.tableSelection
        if !isOwn { table?.division = .whole }
        let key = [
            name, options.dataDirectory ?? given?.dataDirectory, given?.classes, table.map { "\($0)" },
        ]
        if let known = loaded.first(where: { $0.key == key }) { return try known.data.get() }
        let result: Result<ImageDataset, Failure>
        do {
            result = .success(
                try SharedDataset(name: name, dataDirectory: key[1], classes: key[2], table: table).load())
        } catch { result = .failure(Failure(wrapping: error)) }
        loaded.append((key, result))
        return try result.get()
    }

    /// What the best checkpoint that can be read makes of the test images; problems are added to the run.
    func evaluate(_ run: inout RunFolder) -> (outcome: NetworkOutcome, data: ImageDataset)? {
        guard !run.checkpoints.isEmpty else { return nil }
        let data: ImageDataset
        do throws(Failure) { data = try dataset(of: run) } catch {
            run.add(problem: "The data are not there, so the page lacks all that needs them: \(error.message)")
            return nil
        }
        guard data.test.count > 0 else {
            run.add(problem: "\(data.name) has no test image: the page lacks all that needs them.")
            return nil
        }
        for path in run.checkpoints {
            do {
                let outcome = try NetworkOutcome(
                    checkpoint: path, images: data.test, loss: run.loss, kernels: options.kernels,
                    usesAllCores: !options.isLive)
                return (outcome, data)
            } catch { run.add(problem: Failure(wrapping: error).message) }
        }
        run.add(problem: "So no checkpoint can be scored: the page lacks all that needs the weights.")
        return nil
    }
}
