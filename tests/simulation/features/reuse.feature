Feature: Functions and extensions
  A task that is written once, in `use`, runs wherever it is called, or before and after the tasks of a kind. Each use has
  keys of its own, and goes on where it was after a crash.

  Scenario: A function is called in both branches of a fork, and once more
    Given the action "crm.ask:1.0.0" fails once with status 503, then answers {known: true}
    And the workflow "look-up":
      """
      use:
        functions:
          patiently:
            try:
              - ask: {call: 'crm.ask:1.0.0', with: {who: '${ .who }'}}
            catch:
              retry: {delay: {seconds: 5}, limit: {attempt: {count: 2}}}
      do:
        - first: {call: patiently, with: {who: ada}}
        - both:
            fork:
              branches:
                - left: {call: patiently, with: {who: bob}}
                - right: {call: patiently, with: {who: cyd}}
      """
    When "look-up" is started for "shop"
    And 1 minute passes
    Then the calls of "crm.ask:1.0.0" came, with those of one moment in any order, with: [[{who: ada}], [{who: ada}, {who: bob}, {who: cyd}]]
    And the execution for "shop" has completed with: [{known: true}, {known: true}]

  Scenario: Extensions wait, call and decide around the tasks of a kind
    Given the action "crm.send:1.0.0" answers {sent: true}
    And the action "log.note:1.0.0" answers {noted: true}
    And the workflow "campaign":
      """
      use:
        extensions:
          - calmly:
              extend: call
              when: $task.call == "crm.send:1.0.0"
              before:
                - pause: {wait: {seconds: 10}}
              after:
                - note: {call: 'log.note:1.0.0', with: {at: '${ $task.reference }'}}
                - pause: {wait: {seconds: 20}}
          - tested:
              extend: call
              when: $input.test
              before:
                - pretend: {set: {test: true, pretended: true}, then: exit}
      do:
        - one: {call: 'crm.send:1.0.0', with: {n: 1}}
        - two: {call: 'crm.send:1.0.0', with: {n: 2}}
      """
    When "campaign" is started for "ada" with: {a: 1}
    And "campaign" is started for "bob" with: {test: true}
    And 5 minutes pass
    Then the action "crm.send:1.0.0" was called twice, after 10 and 40 seconds
    And the action "log.note:1.0.0" was called in this order with: [{at: /do/0/one}, {at: /do/1/two}]
    And the execution for "ada" has completed with: {noted: true}
    And the execution for "bob" has completed with: {test: true, pretended: true}
