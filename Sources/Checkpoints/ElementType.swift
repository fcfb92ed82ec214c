/// What the elements of a stored tensor are. The raw value is the format's own name.
package enum ElementType: String, Sendable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3 = "F8_E4M3"
    case uint16 = "U16"
    case int16 = "I16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case uint32 = "U32"
    case int32 = "I32"
    case float32 = "F32"
    case uint64 = "U64"
    case int64 = "I64"
    case float64 = "F64"

    package var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8, .float8E5M2, .float8E4M3: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        }
    }
}

/// A Swift number whose bytes in memory are a stored tensor's elements.
package protocol StoredElement: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
}

// The format is little-endian, and so is memory on every machine this program is for:
// tensors are copied, not converted.
#if !_endian(little)
    #error("Checkpoints copies memory as it is and needs a little-endian machine")
#endif

extension UInt8: StoredElement { package static var elementType: ElementType { .uint8 } }
extension Int32: StoredElement { package static var elementType: ElementType { .int32 } }
extension Int64: StoredElement { package static var elementType: ElementType { .int64 } }
extension Float: StoredElement { package static var elementType: ElementType { .float32 } }
extension Double: StoredElement { package static var elementType: ElementType { .float64 } }
