import CMachine
import DataLoading

/// The samples of the next batch, whose pixels are asked for a few at a time while this batch is in work.
///
/// Samples are scattered over memory, and waiting for them costs ten times as much as converting them. Asked for all at once
/// they hold up whatever runs beside them: a core has room for some twenty lines on their way.
final class UpcomingSamples {
    private struct Row {
        let pixels: UnsafeRawPointer
        let byteCount: Int
        let label: UnsafeRawPointer
    }

    private let rows: UnsafeMutablePointer<Row>
    private let capacity: Int
    private var count = 0
    private var next = 0

    /// Room for `capacity` samples.
    init(capacity: Int) {
        rows = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit { rows.deallocate() }

    /// Forgets the samples of the batch before.
    func reset() { (count, next) = (0, 0) }

    /// Adds samples, and which of their pixels are wanted; nil for all.
    func append(_ samples: UnsafeBufferPointer<Int32>, of images: LabelledImages, columns: Range<Int>?) {
        precondition(count + samples.count <= capacity, "UpcomingSamples: \(count) + \(samples.count) of \(capacity)")
        let size = images.valueType.byteCount
        let columns = columns ?? 0..<images.pixelsPerImage
        images.pixels.withBytes { pixels in
            images.labels.withUnsafeBufferPointer { labels in
                for sample in samples {
                    // What is asked for is never read here, so the addresses may outlive the closure.
                    let first = pixels.baseAddress! + (Int(sample) * images.bytesPerSample + columns.lowerBound * size)
                    (rows + count).initialize(
                        to: Row(
                            pixels: UnsafeRawPointer(first), byteCount: columns.count * size,
                            label: UnsafeRawPointer(labels.baseAddress! + Int(sample))))
                    count += 1
                }
            }
        }
    }

    /// Asks for the next `number` samples; nil for all that are left.
    func ask(_ number: Int? = nil) {
        let end = number.map { min(next + $0, count) } ?? count
        while next < end {
            let row = rows[next]
            for offset in stride(from: 0, to: row.byteCount, by: 64) { lockstep_prefetch(row.pixels + offset) }
            // A row seldom begins with a cache line.
            if row.byteCount > 0 { lockstep_prefetch(row.pixels + (row.byteCount - 1)) }
            lockstep_prefetch(row.label)
            next += 1
        }
    }
}
