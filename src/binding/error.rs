//! The one place that turns an engine error into what JavaScript gets.

use napi::bindgen_prelude::{Env, Result, ToNapiValue, Uint8Array, sys};
use napi_derive::napi;

use crate::engine::error::EngineError;

/// An engine error as plain data; `lib/errors.ts` makes the JavaScript error of it.
#[napi(object, object_from_js = false)]
pub struct NativeError {
    /// The stable code.
    pub code: String,
    /// The message.
    pub message: String,
    /// For `ERR_SNAPSHOT_UNSAFE`: the findings as JSON.
    pub findings: Option<String>,
    /// For `ERR_STATE_LIMIT`, `ERR_STATE_VALUE` and `ERR_SESSION_CODE_CHANGED`: the parts as JSON.
    pub details: Option<String>,
    /// For `ERR_GUEST`: the thrown value, encoded; absent when it can't cross.
    pub thrown: Option<Uint8Array>,
    /// For `ERR_GUEST`: the name of the guest's error.
    pub name: Option<String>,
    /// For `ERR_GUEST`: the guest's stack.
    pub stack: Option<String>,
    /// Why an isolate is finished, the guest's error of a missing module, or what the guest threw while a snapshot was
    /// built or a state was read.
    #[napi(ts_type = "NativeError")]
    pub cause: Option<Cause>,
}

/// A nested error.
pub struct Cause(Box<NativeError>);

impl ToNapiValue for Cause {
    unsafe fn to_napi_value(env: sys::napi_env, cause: Self) -> Result<sys::napi_value> {
        // SAFETY: the caller upholds the contract of `to_napi_value` for `env`.
        unsafe { NativeError::to_napi_value(env, *cause.0) }
    }
}

impl From<EngineError> for NativeError {
    fn from(error: EngineError) -> Self {
        let mut native = Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            findings: None,
            details: details(&error),
            thrown: None,
            name: None,
            stack: None,
            cause: None,
        };
        match error {
            EngineError::Guest(exception) => {
                let exception = *exception;
                native.message = exception.message;
                native.name = Some(exception.name);
                native.stack = Some(exception.stack);
                native.thrown = (!exception.encoded.is_empty()).then(|| exception.encoded.into());
            }
            EngineError::SnapshotUnsafe { findings } => {
                native.findings = serde_json::to_string(&findings).ok();
            }
            EngineError::ModuleNotFound { exception } => {
                native.cause = Some(Cause(Box::new(EngineError::Guest(exception).into())));
            }
            EngineError::Disposed { cause }
            | EngineError::SnapshotBuild { cause, .. }
            | EngineError::StateRefused { cause, .. } => {
                native.cause = cause.map(|cause| Cause(Box::new((*cause).into())));
            }
            _ => {}
        }
        native
    }
}

/// What a user reads of a state's error beside the message.
fn details(error: &EngineError) -> Option<String> {
    let details = match error {
        EngineError::StateLimit { name, actual, max } => {
            serde_json::json!({ "name": name, "actual": actual, "max": max })
        }
        EngineError::StateValue { path, why } | EngineError::StateRefused { path, why, .. } => {
            serde_json::json!({ "path": path, "why": why })
        }
        EngineError::SessionCodeChanged { missing } => serde_json::json!({ "missing": missing }),
        _ => return None,
    };
    Some(details.to_string())
}

/// Throws an engine error at the caller, for what is refused before a request begins.
pub(super) fn throw(env: Env, error: &EngineError) -> napi::Error {
    let thrown = env.throw_type_error(&error.to_string(), Some(error.code()));
    thrown.err().unwrap_or_else(|| napi::Error::new(napi::Status::PendingException, String::new()))
}
