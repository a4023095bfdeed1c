//! What the modules of a context export, for those who look through all of it.

use crate::engine::modules::Modules;

impl Modules {
    /// The ES modules' namespaces and the CommonJS modules' `module` objects, by name, in the order of their
    /// names.
    pub(crate) fn evaluated<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Vec<(String, v8::Local<'s, v8::Object>)> {
        let records: Vec<_> = self.table.borrow().values().cloned().collect();
        let mut evaluated = Vec::new();
        for record in records {
            if let Some(object) = record.exported() {
                evaluated.push((record.key.to_string(), v8::Local::new(scope, object)));
            } else if let Some(module) = record.module() {
                let module = v8::Local::new(scope, module);
                let is_there = module.get_status() == v8::ModuleStatus::Evaluated;
                let namespace = is_there.then(|| module.get_module_namespace());
                if let Some(Ok(namespace)) = namespace.map(v8::Local::<v8::Object>::try_from) {
                    evaluated.push((record.key.to_string(), namespace));
                }
            }
        }
        evaluated.sort_by(|(one, _), (other, _)| one.cmp(other));
        evaluated
    }
}
