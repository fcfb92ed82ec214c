/// A uniformly chosen order of `0..<count`: `shuffle` applied to 0, 1, 2, …
package func permutation(count: Int, random: KeyedRandom) -> [Int32] {
    precondition(count >= 0 && count <= Int32.max, "permutation: count \(count) is outside 0...2^31 − 1")
    var elements = [Int32](unsafeUninitializedCapacity: count) { buffer, initializedCount in
        for index in 0..<count { buffer.initializeElement(at: index, to: Int32(index)) }
        initializedCount = count
    }
    shuffle(&elements, random: random)
    return elements
}

/// Fisher and Yates's shuffle in Durstenfeld's form, in place: for i = count − 1, …, 1, with
/// j = `RandomSequence(random).next(below: i + 1)`, elements i and j change places.
///
/// This order of draws decides every run's order of samples; it never changes.
package func shuffle(_ elements: inout [Int32], random: KeyedRandom) {
    elements.withUnsafeMutableBufferPointer { shuffle($0, random: random) }
}

/// The same of elements anywhere.
package func shuffle(_ elements: UnsafeMutableBufferPointer<Int32>, random: KeyedRandom) {
    precondition(elements.count <= Int32.max, "shuffle: \(elements.count) elements are more than 2^31 − 1")
    var sequence = RandomSequence(random)
    var index = elements.count - 1
    while index > 0 {
        elements.swapAt(index, Int(sequence.next(below: UInt32(index + 1))))
        index -= 1
    }
}
