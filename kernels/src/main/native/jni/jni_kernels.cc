// SPDX-License-Identifier: Apache-2.0
// The only file that knows Java: numbers and addresses in, numbers out. Its other side is NativeLibrary.java.
#include <jni.h>

#include "../winnow_kernels.h"

#define WK_JNI(type, name) extern "C" JNIEXPORT type JNICALL Java_io_winnow_kernels_internal_NativeLibrary_##name

namespace {
template <class T>
T* at(jlong address) {
  return reinterpret_cast<T*>(static_cast<intptr_t>(address));
}
}  // namespace

WK_JNI(jint, abiVersion)(JNIEnv*, jclass) { return wk_abi_version(); }

WK_JNI(jint, sizeOfOp)(JNIEnv*, jclass) { return sizeof(wk_op); }

WK_JNI(jint, sizeOfSample)(JNIEnv*, jclass) { return sizeof(wk_sample); }

WK_JNI(jint, sizeOfScore)(JNIEnv*, jclass) { return sizeof(wk_score); }

WK_JNI(jint, layoutVersion)(JNIEnv*, jclass) { return wk_layout_version(); }

WK_JNI(jint, isas)(JNIEnv*, jclass) { return wk_isas(); }

/* The context, or the negative status. Addresses of user space are positive. */
WK_JNI(jlong, open)(JNIEnv*, jclass, jint threads, jint isa) {
  wk_context* context;
  int32_t status = wk_open(threads, isa, &context);
  return status == WK_OK ? static_cast<jlong>(reinterpret_cast<intptr_t>(context)) : -status;
}

WK_JNI(void, close)(JNIEnv*, jclass, jlong context) { wk_close(at<wk_context>(context)); }

WK_JNI(jint, run)(JNIEnv*, jclass, jlong context, jlong ops, jlong count, jlong rows) {
  return wk_run(at<wk_context>(context), at<wk_op>(ops), count, at<wk_rows>(rows));
}

WK_JNI(jint, sample)(JNIEnv*, jclass, jlong context, jlong sample) {
  return wk_sample_rows(at<wk_context>(context), at<wk_sample>(sample));
}

WK_JNI(jint, score)(JNIEnv*, jclass, jlong context, jlong score) {
  return wk_score_rows(at<wk_context>(context), at<wk_score>(score));
}

WK_JNI(void, times)(JNIEnv*, jclass, jlong context, jlong nanos) {
  wk_times(at<wk_context>(context), at<int64_t>(nanos));
}

WK_JNI(jlong, packedBytes)(JNIEnv*, jclass, jint format, jlong rows, jlong cols) {
  return wk_packed_bytes(format, rows, cols);
}

WK_JNI(jint, pack)(JNIEnv*, jclass, jlong weight, jlong data, jint first, jint count, jlong source) {
  return wk_pack(at<wk_weight>(weight), at<void>(data), first, count, at<float>(source));
}

WK_JNI(jint, packCodes)(JNIEnv*, jclass, jlong weight, jlong data, jlong scales, jlong mins, jint first, jint count,
                        jlong codes, jlong source_scales, jlong source_mins) {
  return wk_pack_codes(at<wk_weight>(weight), at<void>(data), at<void>(scales), at<void>(mins), first, count,
                       at<uint8_t>(codes), at<void>(source_scales), at<void>(source_mins));
}

/* Addresses of texts end in 0. What a call finds goes to `out`: an address, then a number of bytes. */
WK_JNI(jint, mapNew)(JNIEnv*, jclass, jlong path, jlong bytes, jlong out) {
  return wk_map_new(at<char>(path), bytes, at<void*>(out));
}

WK_JNI(jint, map)(JNIEnv*, jclass, jlong path, jlong out) {
  return wk_map(at<char>(path), at<void*>(out), at<int64_t>(out) + 1);
}

WK_JNI(jint, sync)(JNIEnv*, jclass, jlong address, jlong bytes) { return wk_sync(at<void>(address), bytes); }

WK_JNI(jint, unmap)(JNIEnv*, jclass, jlong address, jlong bytes) { return wk_unmap(at<void>(address), bytes); }

/* The lock, or the negative errno. */
WK_JNI(jint, lock)(JNIEnv*, jclass, jlong path) {
  int32_t lock;
  int32_t error = wk_lock(at<char>(path), &lock);
  return error == 0 ? lock : -error;
}

WK_JNI(void, unlock)(JNIEnv*, jclass, jint lock) { wk_unlock(lock); }

/* The address, or the negative errno. */
WK_JNI(jlong, zeros)(JNIEnv*, jclass, jlong bytes) {
  void* address;
  int32_t error = wk_zeros(bytes, &address);
  return error == 0 ? static_cast<jlong>(reinterpret_cast<intptr_t>(address)) : -error;
}

/* The number found, or the negative errno. */
WK_JNI(jint, affinity)(JNIEnv*, jclass, jlong processors, jint most) {
  return wk_affinity(at<int32_t>(processors), most);
}

WK_JNI(jint, pin)(JNIEnv*, jclass, jlong processors, jint count) { return wk_pin(at<int32_t>(processors), count); }

WK_JNI(jlong, outstandingBytes)(JNIEnv*, jclass) { return wk_outstanding_bytes(); }
