import Errors
import Glibc
import Models
import Optimizers

extension Network {
    /// Refuses what the machine cannot hold before memory is asked for.
    ///
    /// - Throws: `Failure(.data)` that names both sizes.
    func checkMemory(samplesPerWorker: Int, update: UpdateDescription, accumulation: Int) throws {
        // Then what a worker keeps of its part of a batch.
        let floats =
            Double(update.buffersPerParameter + (accumulation > 1 ? 1 : 0)) * Double(layout.floatCount)
            + Double(samplesPerWorker) * Double(activationsPerSample)
            + Double(scratchFloatCount(sampleCount: samplesPerWorker))
        let available = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
        guard floats * 4 < available else {
            let gibibyte = Double(1 << 30)
            throw Failure(
                .data,
                "model: training needs at least \(Int(floats * 4 / gibibyte)) GiB of memory and this machine has "
                    + "\(Int(available / gibibyte)) GiB; use smaller layers or a smaller --batch-size")
        }
    }
}
