"""What hidden tests run beside the candidate's code: many calls, and what they do to inputs. No expected value."""


def call(name, calls):
    """Call a function of the solution once for each pair (args, kwargs); return all results, named tuples as tuples."""
    import solution

    results = [getattr(solution, name)(*args, **kwargs) for args, kwargs in calls]
    return [tuple(result) if isinstance(result, tuple) else result for result in results]


def fit(name, X, y, **settings):
    """Fit a model of the solution; return what it learned."""
    import solution

    model = getattr(solution, name)(**settings)
    model.fit(X, y)
    return learned(model)


def fit_all(name, runs):
    """Fit a model for each (X, y, settings); return what each learned."""
    return [fit(name, X, y, **settings) for X, y, settings in runs]


def learned(model):
    """Return a fitted model's attributes as they are."""
    names = ("classes_", "coef_", "intercept_", "n_iter_", "loss_history_")
    return {name: getattr(model, name) for name in names if hasattr(model, name)}


def predictions(name, X, y, others, **settings):
    """Fit a model; return what it learned, and (probabilities, classes) for each other X."""
    import solution

    model = getattr(solution, name)(**settings)
    model.fit(X, y)
    return learned(model), [(model.predict_proba(other), model.predict(other)) for other in others]


def fit_twice(name, first, second, **settings):
    """Fit one model on both data sets in turn; return whether fit returned it, and what it learned last."""
    import solution

    model = getattr(solution, name)(**settings)
    returned = [model.fit(*first) is model, model.fit(*second) is model]
    return all(returned), learned(model)


def inputs_after(name, X, y, **settings):
    """Fit and predict; return X and y as they are afterwards."""
    import solution

    model = getattr(solution, name)(**settings)
    model.fit(X, y)
    model.predict_proba(X)
    model.predict(X)
    return X, y


def arguments_after(name, args, **kwargs):
    """Call a function of the solution; return its positional arguments as they are afterwards."""
    import solution

    getattr(solution, name)(*args, **kwargs)
    return args
