import Checkpoints
import DataLoading
import Errors
import Files
import Foundation
import Glibc
import Kernels
import Synchronization
import Testing
import Training

import struct Communication.Communicator
import func Communication.withWorkers

/// Every system call that the saving of checkpoints makes fails once, in every way it can.
@Suite("Storage faults") struct StorageFaultTests {
    enum Fault: CaseIterable {
        case inputOutput, noSpace
        /// A write that takes one byte; other calls fail.
        case short
        /// The process dies: nothing that it would still do happens.
        case death
    }

    /// Counts the calls of a run and makes one fail.
    final class Faults: Sendable {
        private let count = Atomic<Int>(0)
        private let target: Int
        private let fault: Fault
        var callCount: Int { count.load(ordering: .relaxed) }

        init(target: Int, fault: Fault) {
            self.target = target
            self.fault = fault
        }

        /// Whether this call fails, with `errno` set.
        private func fails() -> Bool {
            let number = count.add(1, ordering: .relaxed).newValue
            guard number == target || (fault == .death && number > target && target > 0) else { return false }
            errno = fault == .noSpace ? ENOSPC : EIO
            return true
        }

        var calls: FileCalls {
            var calls = FileCalls()
            let real = FileCalls()
            // A folder that is opened to be written in is not a file that can fail half-way; it counts all the same.
            calls.open = { folder, name, flags in self.fails() ? -1 : real.open(folder, name, flags) }
            calls.write = { file, bytes in
                guard self.fails() else { return real.write(file, bytes) }
                return self.fault == .short ? real.write(file, UnsafeRawBufferPointer(rebasing: bytes[..<1])) : -1
            }
            // What the disk does is not what is tested here, and waiting for it thousands of times is slow.
            calls.sync = { _ in self.fails() ? -1 : 0 }
            calls.rename = { folder, old, new in self.fails() ? -1 : real.rename(folder, old, new) }
            calls.unlink = { folder, name in self.fails() ? -1 : real.unlink(folder, name) }
            return calls
        }
    }

    private static let dataset: SharedDataset = {
        var (labels, pixels): ([UInt8], [UInt8]) = ([], [])
        for image in 0..<96 {
            let label = image * 7 % 4
            labels.append(UInt8(label))
            for pixel in 0..<30 {
                pixels.append(UInt8((image * 30 + pixel) * 31 % 97 + (pixel / 8 == label ? 150 : 0)))
            }
        }
        guard let buffer = try? ByteBuffer(pixels) else { fatalError("no memory for 3 KB") }
        let part = LabelledImages(pixels: buffer, labels: labels, height: 5, width: 6, channels: 1, classCount: 4)
        return SharedDataset(ImageDataset(name: "made", train: part, test: part, classNames: []))
    }()

    /// Three epochs of four steps, each with a checkpoint, and the best one.
    private static func train(_ folder: String, calls: FileCalls, resumes: Bool) throws {
        var options = TrainingOptions()
        options.model = "dense 6, relu, dense 4"
        options.batchSize = 24
        options.epochs = 3
        options.metric = "train-loss"
        let run = TrainingRun(
            try options.resolved(), dataset: dataset, kernels: ReferenceKernels(), path: folder, overwrites: false,
            resume: resumes ? .auto : .never, fileCalls: calls)
        _ = try withWorkers(.solo) { communicator in try run.run(communicator) }
    }

    /// The last checkpoint and the best.
    private static func last(_ folder: String) throws -> [Data] {
        try ["step-000012", "best"].map {
            try Data(contentsOf: URL(fileURLWithPath: "\(folder)/checkpoints/\($0).safetensors"))
        }
    }

    /// Steps of the checkpoints that can be read.
    private static func validSteps(_ folder: String) -> [Int] {
        let store = CheckpointStore(folder: "\(folder)/checkpoints")
        return store.steps().filter { (try? Checkpoint(contentsOf: store.path(step: $0))) != nil }
    }

    @Test(arguments: Fault.allCases) func losesAtMostTheNewest(fault: Fault) throws {
        let base = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: base) }
        let counting = Faults(target: 0, fault: fault)
        try Self.train("\(base)/whole", calls: counting.calls, resumes: false)
        let whole = try Self.last("\(base)/whole")
        // Three checkpoints and three of the best: folder, file, writes, two synchronisations, name, old file.
        #expect(counting.callCount > 60)

        for target in 1...counting.callCount {
            let folder = "\(base)/\(target)"
            let faults = Faults(target: target, fault: fault)
            do { try Self.train(folder, calls: faults.calls, resumes: false) } catch let failure as Failure {
                #expect(
                    [.inputOutput, .outputRefused].contains(failure.kind), "\(fault) in call \(target): \(failure)")
            }
            let store = CheckpointStore(folder: "\(folder)/checkpoints")
            let (steps, valid) = (store.steps(), Self.validSteps(folder))
            // What has a checkpoint's name is one.
            #expect(steps == valid, "\(fault) in call \(target): \(steps), of which \(valid) are valid")
            if fault != .death { #expect((valid.last ?? 0) >= 8, "\(fault) in call \(target): \(valid)") }
            try Self.train(folder, calls: Faults(target: 0, fault: fault).calls, resumes: true)
            #expect(try Self.last(folder) == whole, "\(fault) in call \(target)")
            let names = try FileManager.default.contentsOfDirectory(atPath: store.folder)
            #expect(!names.contains { $0.hasSuffix(".tmp") }, "\(fault) in call \(target): \(names)")
        }
    }
}
