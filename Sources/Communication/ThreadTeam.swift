import Errors
import Glibc
import Tensors

/// The threads of one run, each with its own stack and `Communicator`.
final class ThreadTeam<T: Sendable>: @unchecked Sendable {
    private static var stackByteCount: Int { 8 << 20 }

    private let size: Int
    private let control: AlignedBuffer<UInt8>
    private let block: ControlBlock
    private let allowed = ProcessorSet.allowed()
    private let host = hostName()
    // Each element is written by one thread and read after it has been joined.
    private let results: UnsafeMutablePointer<Result<T, Failure>?>

    init(size: Int) {
        self.size = size
        control = AlignedBuffer(count: ControlBlock.byteCount(size: size))
        block = ControlBlock(base: UnsafeMutableRawPointer(control.base))
        block.initializeHeader()
        for rank in 0..<size { block.initializeLine(of: rank, process: getpid()) }
        results = .allocate(capacity: size)
        results.initialize(repeating: nil, count: size)
    }

    deinit {
        results.deinitialize(count: size)
        results.deallocate()
    }

    func run(_ body: @escaping @Sendable (borrowing Communicator) throws -> T) throws(Failure) -> [T] {
        var threads: [pthread_t] = []
        for rank in 0..<size {
            do throws(Failure) {
                threads.append(try Self.start { self.work(rank: rank, body) })
            } catch {
                block.poison(error)
                break
            }
        }
        for thread in threads { pthread_join(thread, nil) }
        if let failure = block.failure { throw failure }
        var values: [T] = []
        for rank in 0..<size {
            guard let result = results[rank] else { fatalError("ThreadTeam: worker \(rank) left no result") }
            values.append(try result.get())
        }
        return values
    }

    private func work(rank: Int, _ body: (borrowing Communicator) throws -> T) {
        let processors = allowed.processors
        // With fewer threads than processors another run may be beside this one: both would bind to the first ones.
        if size == processors.count { ProcessorSet.bindCallingThread(to: processors[rank]) }
        let barrier = SpinBarrier(block: block, rank: rank, size: size, processorCount: processors.count)
        let endpoint = Endpoint(
            rank: rank, size: size, kind: .threads, hostNames: Array(repeating: host, count: size), hostCount: 1,
            transport: size == 1 ? .alone : .threads(barrier))
        do throws(Failure) {
            results[rank] = .success(try endpoint.run(body))
        } catch {
            results[rank] = .failure(error)
        }
    }

    private static func start(_ work: @escaping @Sendable () -> Void) throws(Failure) -> pthread_t {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackByteCount)
        let box = Unmanaged.passRetained(ThreadWork(work))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { argument in
                Unmanaged<ThreadWork>.fromOpaque(argument!).takeRetainedValue().work()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw Failure(
                .internal, "cannot start a worker thread: \(String(cString: strerror(code))); use fewer --workers")
        }
        return thread
    }
}

private final class ThreadWork: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
}
