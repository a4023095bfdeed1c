//! Has V8 drop the code that it optimized before a CPU profile began.
//!
//! V8's profiler knows code by what it is told while it runs, and asks at its start for what is there.
//! Optimized code that no function has attached is not among that ("optimized code objects that are only
//! on a type feedback vector", `EnumerateCompiledFunctions` in V8's `log.cc`), and so a loop that became
//! hot while it ran, which is where a guest spends its time, would be `(program)`. What is hot is
//! optimized again at once, and the profiler is told. So this comes after the profile's start: in between
//! nothing would be known of what is made.
//!
//! V8's debugger can do it only by switching coverage on, which clears and ends the coverage that another
//! client collects. The embedder's word that the locale may have changed does it as well, and nothing
//! else but for V8's copies of the locale and its `Intl` objects, which are made again from the same
//! settings. The crate has no binding for this one method.

use v8::UnsafeRawIsolatePtr;

unsafe extern "C" {
    /// `v8::Isolate::LocaleConfigurationChangeNotification`, part of V8's public interface.
    #[cfg_attr(
        not(all(windows, target_env = "msvc")),
        link_name = "_ZN2v87Isolate37LocaleConfigurationChangeNotificationEv"
    )]
    #[cfg_attr(
        all(windows, target_env = "msvc"),
        link_name = "?LocaleConfigurationChangeNotification@Isolate@v8@@QEAAXXZ"
    )]
    fn locale_configuration_change_notification(isolate: UnsafeRawIsolatePtr);
}

/// For the isolate of this thread, which runs or is interrupted.
pub(super) fn drop_all(isolate: UnsafeRawIsolatePtr) {
    // SAFETY: the caller's isolate lives and is entered on this thread; the pointer is passed as C++
    // passes `this`, and the method runs no code of the guest.
    unsafe { locale_configuration_change_notification(isolate) };
}
